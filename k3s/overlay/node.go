package overlay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// tick is how often everything is looked at that time changes.
	tick = 200 * time.Millisecond
	// maxEvents are probes that wait to be looked at; more are dropped.
	maxEvents = 4096
	// promptPing is the least time between two probes of one way, whatever asks for them.
	promptPing = 100 * time.Millisecond
	// secondGreeting is how long one of two peers waits for the other to begin.
	secondGreeting = 500 * time.Millisecond
)

// node decides, in one goroutine, with whom this node speaks, under which keys and on which ways.
type node struct {
	options *Options
	keys    *keyring
	bind    *bind
	network *network // nil while the node has no range
	view    wire.Network
	refused map[string]string
	peers   map[string]*peer
	events  chan arrivedProbe
	woken   chan struct{}
	// results are what calls to the control plane leave to be done, each in the one goroutine.
	results   chan func() error
	addresses addresses
	reports   reports
	switches  atomic.Uint64
	status    atomic.Pointer[status]
}

func newNode(o *Options) (*node, error) {
	keys, err := openKeyring(o.Dir, o.rotateAfter)
	if err != nil {
		return nil, fmt.Errorf("Cannot open the overlay's keys: %w", err)
	}
	return &node{
		options: o, keys: keys, peers: map[string]*peer{},
		events: make(chan arrivedProbe, maxEvents), woken: make(chan struct{}, 1), results: make(chan func() error, 4),
	}, nil
}

func (n *node) run(ctx context.Context, newest <-chan wire.Network) error {
	defer n.close()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		var gone chan struct{}
		if n.network != nil {
			gone = n.network.wireguard.Wait()
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			return fmt.Errorf("Cannot go on with the overlay: its device %s is gone", n.options.Device)
		case view := <-newest:
			err = n.update(ctx, view, time.Now())
		case arrived := <-n.events:
			n.heard(arrived, time.Now())
		case result := <-n.results:
			err = result()
		case <-n.woken:
			err = n.step(ctx, time.Now())
		case <-ticker.C:
			err = n.step(ctx, time.Now())
		}
		if err != nil {
			return err
		}
	}
}

func (n *node) close() {
	if n.network != nil {
		n.network.close()
		n.network = nil
	}
}

// update takes what the control plane says now.
func (n *node) update(ctx context.Context, view wire.Network, now time.Time) error {
	before := n.view
	n.view = view
	if !view.Self.Range.IsValid() {
		n.view.Peers = nil
	} else if err := checkSelf(view.Self, n.options.Cluster); err != nil {
		klog.ErrorS(err, "The control plane's word is not taken")
		n.view = before
		return nil
	}
	if view.Self.Range != before.Self.Range || n.network == nil {
		if err := n.reopen(ctx); err != nil {
			return err
		}
	}
	peers, refused := peersOf(n.view, n.options.Cluster, n.keys.owns)
	if !maps.Equal(refused, n.refused) {
		for _, name := range slices.Sorted(maps.Keys(refused)) {
			klog.InfoS("A peer is refused", "peer", name, "why", refused[name])
		}
		n.refused = refused
	}
	if n.network == nil {
		return nil
	}
	return n.apply(peers, now)
}

// reopen makes the device anew for the node's range, if it has one.
func (n *node) reopen(ctx context.Context) error {
	for name := range n.peers {
		delete(n.peers, name)
	}
	n.close()
	pods := n.view.Self.Range
	if !pods.IsValid() {
		return nil
	}
	b := &bind{own: ownAddress(pods), device: n.options.Device, port: n.options.Port}
	b.directory.Store(&directory{})
	b.onProbe = func(arrived arrivedProbe) {
		select {
		case n.events <- arrived:
		default:
		}
	}
	b.wake = func() {
		select {
		case n.woken <- struct{}{}:
		default:
		}
	}
	network, err := openNetwork(ctx, n.options.Device, pods, b)
	if err != nil {
		return err
	}
	n.network, n.bind = network, b
	return network.setKey(n.keys.current.Bytes())
}

// apply makes the peers those, and what they may.
func (n *node) apply(peers map[string]wire.Peer, now time.Time) error {
	for name, p := range n.peers {
		if _, stays := peers[name]; !stays {
			n.removePeer(p)
		}
	}
	for name, info := range peers {
		p := n.peers[name]
		if p != nil && p.info.Address != info.Address { // another node under an old name
			n.removePeer(p)
			p = nil
		}
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
	p := newPeer(name, info)
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

// learn takes the ways to a peer from what the control plane says.
func (n *node) learn(p *peer, now time.Time) {
	var endpoints []netip.AddrPort
	for _, e := range p.info.Endpoints {
		if n.mayProbe(e) && !slices.Contains(endpoints, e) {
			endpoints = append(endpoints, e)
		}
	}
	var relays []netip.Addr
	for _, name := range slices.Concat(p.info.Relays, n.view.Self.Relays) {
		if relay := n.peers[name]; relay != nil && relay != p && !slices.Contains(relays, relay.address) {
			relays = append(relays, relay.address)
		}
	}
	p.learnEndpoints(endpoints, relays, now)
	allowed := map[netip.Addr]bool{}
	for _, relay := range relays {
		allowed[relay] = true
	}
	p.grants.Store(&grants{isClient: p.info.IsClient, relays: allowed})
	n.use(p, p.paths.active != nil && p.path.Load() == nil, now)
}

func (n *node) mayProbe(e netip.AddrPort) bool {
	return isReachable(e, n.options.Cluster) && !n.addresses.has(e.Addr())
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

// heard takes an authentic probe.
func (n *node) heard(arrived arrivedProbe, now time.Time) {
	p := n.peers[arrived.peer]
	if p == nil {
		return
	}
	switch arrived.probe.kind {
	case probePing:
		n.heardPing(p, arrived, now)
	case probePong:
		n.heardPong(p, arrived, now)
	}
}

// heardPing learns where the peer is, and asks there at once: its NAT is open to us now.
func (n *node) heardPing(p *peer, arrived arrivedProbe, now time.Time) {
	c := p.paths.find(arrived.path)
	if c == nil && arrived.path.isDirect() && n.mayProbe(arrived.path.direct) && p.learning.AllowN(now, 1) {
		c = p.paths.learn(observed, arrived.path, maxObserved, now)
	}
	n.askPromptly(p, c, now)
	way := path{direct: arrived.seen}
	if way.isDirect() && p.paths.find(way) == nil && n.believes(p, arrived.path.relay, arrived.seen) && p.learning.AllowN(now, 1) {
		n.askPromptly(p, p.paths.learn(seen, way, maxSeen, now), now)
	}
}

// believes says whether a relay may be right about where it sees a peer. The worst that a false word does, is a few
// probes to an address that has nothing to do with it; none to a private one, unless the relay itself is reached at one
// or the peer says so too.
func (n *node) believes(p *peer, relay netip.Addr, e netip.AddrPort) bool {
	if !n.mayProbe(e) {
		return false
	}
	if !isPrivate(e.Addr()) || p.isStated(e.Addr()) {
		return true
	}
	via := n.bind.directory.Load().members[relay]
	if via == nil {
		return false
	}
	way := via.path.Load()
	return way != nil && way.isDirect() && isPrivate(way.direct.Addr())
}

func (n *node) askPromptly(p *peer, c *candidate, now time.Time) {
	if c != nil && (c.answers < steady || !c.owes.IsZero()) && now.Sub(c.sent) >= promptPing {
		n.ask(p, c, now)
	}
}

func (n *node) ask(p *peer, c *candidate, now time.Time) {
	c.probed(now)
	n.bind.send([][]byte{p.ping(c.path, 0, now)}, c.path, p.address)
}

func (n *node) heardPong(p *peer, arrived arrivedProbe, now time.Time) {
	asked, ok := p.pending[arrived.probe.token]
	if !ok || asked.path != arrived.path {
		return
	}
	delete(p.pending, arrived.probe.token)
	c := p.paths.find(arrived.path)
	if c == nil {
		return
	}
	c.answered(now, now.Sub(asked.sent))
	if asked.size > 0 {
		c.size.passed(asked.size, now)
	}
	if arrived.path.isDirect() && arrived.probe.endpoint.IsValid() {
		p.reflexive, p.reflexiveAt = arrived.probe.endpoint, now
	}
	n.choose(p, now)
	if err := n.route(p); err != nil {
		klog.ErrorS(err, "Cannot use a way's size", "peer", p.name)
	}
}

// choose takes the best way to a peer into use.
func (n *node) choose(p *peer, now time.Time) {
	if p.paths.choose(now) {
		n.use(p, true, now)
	}
}

func (n *node) use(p *peer, changed bool, now time.Time) {
	if p.paths.active == nil {
		p.path.Store(nil)
		return
	}
	if !changed {
		return
	}
	isFirst := p.path.Load() == nil
	way := p.paths.active.path
	if isFirst {
		p.greetAt = now
		if n.bind.own.Compare(p.address) > 0 {
			p.greetAt = now.Add(secondGreeting)
			p.heldUntil.Store(p.greetAt.UnixNano())
		}
	}
	p.path.Store(&way)
	klog.InfoS("A peer is reached on another way", "peer", p.name, "way", way)
	if isFirst {
		n.catchUp(p)
	} else {
		n.switches.Add(1)
	}
}

func (n *node) catchUp(p *peer) {
	for _, s := range p.sessions {
		n.bind.catchUp(s.target)
	}
}

// greet begins the first session with a peer before there is something to say, unless the peer has.
func (n *node) greet(p *peer, now time.Time) {
	if p.greetAt.IsZero() || now.Before(p.greetAt) {
		return
	}
	p.greetAt = time.Time{}
	for _, s := range p.sessions {
		if !s.target.hasAnswered.Load() {
			n.bind.catchUp(s.target)
			n.network.greet(s.key)
		}
	}
}

// step does what time asks for.
func (n *node) step(ctx context.Context, now time.Time) error {
	if err := n.stepKeys(ctx, now); err != nil {
		return err
	}
	if n.network == nil {
		return nil
	}
	if changed, err := n.addresses.refresh(n.options, now); err != nil {
		klog.ErrorS(err, "Cannot read this machine's addresses")
	} else if changed {
		n.moved(now)
	}
	for _, p := range n.peers {
		if err := n.stepPeer(p, now); err != nil {
			return err
		}
	}
	n.report(ctx, now)
	n.observe()
	return nil
}

// moved asks on all ways in use whether they still go, now that the machine's addresses are others.
func (n *node) moved(now time.Time) {
	for _, p := range n.peers {
		n.learn(p, now)
		if p.paths.active != nil {
			n.ask(p, p.paths.active, now)
		}
	}
}

func (n *node) stepPeer(p *peer, now time.Time) error {
	if err := n.handOver(p, now); err != nil {
		return err
	}
	n.choose(p, now)
	n.greet(p, now)
	busy := p.isBusy(now)
	for _, c := range p.paths.candidates {
		if n.isUsable(c, p) && p.paths.isDue(c, now, busy) {
			n.ask(p, c, now)
		}
	}
	if c := p.paths.active; c != nil && (busy || c.size.measured == 0) {
		for _, size := range c.size.due(now, !c.isAlive(now)) {
			n.bind.send([][]byte{p.ping(c.path, size, now)}, c.path, p.address)
		}
	}
	for _, s := range p.sessions {
		if s.former != nil && now.After(s.formerUntil) {
			s.former = nil
			n.publish()
		}
	}
	return n.route(p)
}

// isUsable says that there is sense in asking: a relay is reached directly, or it is no relay.
func (n *node) isUsable(c *candidate, p *peer) bool {
	if c.path.isDirect() || c == p.paths.active {
		return true
	}
	relay := n.bind.directory.Load().members[c.path.relay]
	return relay != nil && relay.isReachedDirectly()
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
