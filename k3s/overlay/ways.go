package overlay

import (
	"net/netip"
	"slices"
	"time"

	"k8s.io/klog/v2"
)

const (
	// promptPing is the least time between two probes of one way, whatever asks for them.
	promptPing = 100 * time.Millisecond
	// secondGreeting is how long one of two peers waits for the other to begin.
	secondGreeting = 500 * time.Millisecond
)

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
	n.weigh(p, arrived.probe.age, now)
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
	p.owesSince.Store(0)
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
