package overlay

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// apply makes the peers those, and what they may.
func (n *node) apply(peers map[string]wire.Peer, now time.Time) error {
	owners := map[wire.WireGuardKey]string{}
	for name, info := range peers {
		owners[info.Key] = name
	}
	for name, p := range n.peers {
		if info, stays := peers[name]; !stays || p.info.Address != info.Address || p.hasKeyOfAnother(owners) {
			n.removePeer(p)
		}
	}
	for name, info := range peers {
		p := n.peers[name]
		var err error
		if p == nil {
			err = n.addPeer(name, info, now)
		} else {
			err = n.changePeer(p, info, now)
		}
		if err != nil {
			return fmt.Errorf("Cannot speak to the node %s: %w", name, err)
		}
	}
	for _, p := range n.peers {
		n.learn(p, now)
	}
	n.publish()
	return nil
}

func (n *node) addPeer(name string, info wire.Peer, now time.Time) error {
	p := newPeer(name, info, n.options.relayRate)
	s, err := newSession(n.keys, info.Key, p.member, now)
	if err != nil {
		klog.InfoS("A peer is refused", "peer", name, "why", err)
		return nil
	}
	p.sessions = []*session{s}
	n.peers[name] = p
	n.know(s)
	if err := n.network.setPeer(info.Key, p.addresses()...); err != nil {
		return err
	}
	return n.route(p)
}

// know lets WireGuard find the peer of a session.
func (n *node) know(s *session) { n.bind.targets.Store(hex.EncodeToString(s.key[:]), s.target) }

func (n *node) forget(s *session) {
	n.network.removePeer(s.key)
	n.bind.targets.Delete(hex.EncodeToString(s.key[:]))
}

func (n *node) removePeer(p *peer) {
	delete(n.peers, p.name)
	for _, s := range p.sessions {
		n.forget(s)
	}
	for _, address := range p.addresses() {
		n.network.unroute(address)
	}
}

func (n *node) changePeer(p *peer, info wire.Peer, now time.Time) error {
	before := p.info
	p.info = info
	if before.Range != info.Range {
		if before.Range.IsValid() {
			n.network.unroute(before.Range)
		}
		if err := n.network.setPeer(p.sessions[0].key, p.addresses()...); err != nil {
			return err
		}
		p.routed = 0
		if err := n.route(p); err != nil {
			return err
		}
	}
	return n.rekey(p, now)
}

// route leads to the device what goes to the peer, in packets as large as the way is known to carry.
func (n *node) route(p *peer) error {
	size := minInside
	if p.paths.active != nil {
		size = p.paths.active.size.inside()
	}
	if size == p.routed {
		return nil
	}
	for _, address := range p.addresses() {
		if err := n.network.route(address, size); err != nil {
			return err
		}
	}
	p.routed = size
	return nil
}

// publish tells those who handle packets of the peers and their secrets.
func (n *node) publish() {
	d := &directory{members: map[netip.Addr]*member{}, secrets: map[[probeID]byte]*acquaintance{}}
	for _, p := range n.peers {
		d.members[p.address] = p.member
		for _, s := range p.sessions {
			for _, secret := range []*secret{s.secret, s.next, s.former} {
				if secret != nil {
					d.secrets[secret.inID] = &acquaintance{secret: secret, peer: p.name, member: p.member}
				}
			}
		}
	}
	n.bind.directory.Store(d)
}
