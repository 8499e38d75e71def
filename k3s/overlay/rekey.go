package overlay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/klog/v2"
)

// rekey begins a session under a new key of the peer. The former one goes on until the new one works: the peer may be
// told of it a little later.
func (n *node) rekey(p *peer, now time.Time) error {
	key := p.info.Key
	if latest := p.sessions[len(p.sessions)-1]; latest.key == key {
		return nil
	}
	for _, s := range p.sessions[1:] {
		n.forget(s)
	}
	p.sessions = p.sessions[:1]
	if p.sessions[0].key == key {
		return nil
	}
	s, err := newSession(n.keys, key, p.member, now)
	if err != nil {
		klog.InfoS("A peer's new key is refused", "peer", p.name, "why", err)
		return nil
	}
	p.sessions = append(p.sessions, s)
	n.know(s)
	if err := n.network.setPeer(key); err != nil {
		return err
	}
	n.network.greet(key)
	return nil
}

// handOver ends a session under a former key, when the next one works or time is over.
func (n *node) handOver(p *peer, now time.Time) error {
	if len(p.sessions) == 1 {
		return nil
	}
	former, next := p.sessions[0], p.sessions[1]
	if !next.target.hasAnswered.Load() && now.Sub(next.since) < handover {
		return nil
	}
	if err := n.network.setPeer(next.key, p.addresses()...); err != nil {
		return err
	}
	n.forget(former)
	p.sessions = p.sessions[1:]
	n.publish()
	return nil
}

// stepKeys proves, rotates and changes this node's keys.
func (n *node) stepKeys(ctx context.Context, now time.Time) error {
	self := n.view.Self
	if err := n.keys.rotate(self, now); err != nil {
		return fmt.Errorf("Cannot make the overlay's next key: %w", err)
	}
	n.knowNextKey()
	changed, err := n.keys.advance(self, now)
	if err != nil {
		return fmt.Errorf("Cannot take the overlay's next key into use: %w", err)
	}
	if changed {
		klog.InfoS("Another WireGuard key is in use", "key", publicKey(n.keys.current))
		if err := n.changeKey(now); err != nil {
			return err
		}
	}
	if key := n.keys.toProve(self, now); key != nil {
		n.keys.proving = true
		go func() {
			err := prove(ctx, n.options, key, self.Challenge)
			n.results <- func() error { return n.proved(key.Bytes(), err) }
		}()
	}
	return nil
}

// proved takes the control plane's answer. What it says of the key, comes with the view.
func (n *node) proved(key []byte, err error) error {
	n.keys.asked(time.Now())
	if !errors.Is(err, ErrKeyRefused) {
		return nil
	}
	if bytes.Equal(key, n.keys.current.Bytes()) {
		klog.InfoS("This node's WireGuard key is refused: making another")
	}
	changed, err := n.keys.refused(key)
	if err != nil {
		return fmt.Errorf("Cannot replace the overlay's key: %w", err)
	}
	if changed {
		return n.changeKey(time.Now())
	}
	return nil
}

// knowNextKey lets peers that have heard of this node's next key probe with it already.
func (n *node) knowNextKey() {
	if n.keys.next == nil {
		return
	}
	changed := false
	for _, p := range n.peers {
		for _, s := range p.sessions {
			if s.next == nil {
				s.next, _ = newSecret(n.keys.next, s.key) // the key was found good when the session was made
				changed = true
			}
		}
	}
	if changed {
		n.publish()
	}
}

// changeKey makes all sessions ones of the current key.
func (n *node) changeKey(now time.Time) error {
	if n.network == nil {
		return nil
	}
	if err := n.network.setKey(n.keys.current.Bytes()); err != nil {
		return err
	}
	for _, p := range n.peers {
		for _, s := range p.sessions {
			fresh, err := newSecret(n.keys.current, s.key)
			if err != nil {
				return err
			}
			if s.next != nil && s.next.outID == fresh.outID {
				fresh = s.next // which knows what it has seen
			}
			s.former, s.formerUntil = s.secret, now.Add(keepSecrets)
			s.secret, s.next = fresh, nil
			if p.isBusy(now) {
				n.network.greet(s.key)
			}
		}
	}
	n.publish()
	return nil
}
