package overlay

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"daasvader/k3s/wire"
)

const patience = 15 * time.Second

func TestTwoNodesReachEachOther(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	a.mustReach(c, patience)
	c.mustReach(a, patience)
	b.eventually("they speak directly", patience, func() bool { return a.has("peers direct", 1) && c.has("peers direct", 1) })
}

func TestNodeBehindNATIsReachedAfterItDialsOut(t *testing.T) {
	for name, random := range map[string]bool{"which keeps ports": false, "which chooses ports": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			a, c := b.public("a"), b.hidden("c", random)
			a.start()
			c.start()
			a.mustReach(c, patience)
			c.mustReach(a, patience)
			b.eventually("they speak directly", patience, func() bool { return a.has("peers direct", 1) && c.has("peers direct", 1) })
		})
	}
}

func TestTwoBehindNATMeetThroughARelay(t *testing.T) {
	b := newBed(t)
	r, a, c := b.public("r"), b.hidden("a", true), b.hidden("c", true)
	a.relays, c.relays = []string{"r"}, []string{"r"}
	r.start()
	a.start()
	c.start()
	a.mustReach(c, patience)
	c.mustReach(a, patience)
	b.eventually("they speak through the relay", patience, func() bool { return a.has("peers relayed", 1) && c.has("peers relayed", 1) })
	if m := r.collect(); m["relay_forwarded_total"] == 0 {
		t.Errorf("The relay forwarded nothing: %v", m)
	}
}

func TestTwoBehindNATLeaveTheRelay(t *testing.T) {
	b := newBed(t)
	r, a, c := b.public("r"), b.hidden("a", false), b.hidden("c", false)
	a.relays, c.relays = []string{"r"}, []string{"r"}
	r.start()
	a.start()
	c.start()
	a.mustReach(c, patience)
	b.eventually("a and c speak directly", patience, func() bool { return a.has("peers direct", 2) && c.has("peers direct", 2) })
	a.mustReach(c, time.Second)
}

// meetThroughRelays has two nodes behind NATs that nothing goes straight through reach each other, by one of two relays.
func (b *bed) meetThroughRelays() (a, c, used, other *testNode) {
	r, s, a, c := b.public("r"), b.public("s"), b.hidden("a", true), b.hidden("c", true)
	a.relays, c.relays = []string{"r", "s"}, []string{"r", "s"}
	for _, n := range []*testNode{r, s, a, c} {
		n.start()
	}
	a.mustReach(c, patience)
	if r.forwards(a, c) {
		return a, c, r, s
	}
	return a, c, s, r
}

func TestRelayDiesAndAnotherTakesOver(t *testing.T) {
	b := newBed(t)
	a, c, dying, other := b.meetThroughRelays()
	b.eventually("the other relay is known to go", patience, func() bool { return other.collect()["relay_forwarded_total"] > 0 })
	dying.kill()
	a.mustReach(c, 6*time.Second)
	if !other.forwards(a, c) {
		t.Error("The other relay does not forward")
	}
}

func TestARelayThatForwardsProbesAloneIsLeft(t *testing.T) {
	b := newBed(t)
	a, c, bad, good := b.meetThroughRelays()
	// WireGuard's transport messages, 11 bytes into the payload of UDP.
	b.in(bad.ns, "iptables", "-A", "INPUT", "-i", "daas0", "-p", "udp", "--dport", "51821",
		"-m", "string", "--algo", "bm", "--from", "39", "--to", "44", "--hex-string", "|04000000|", "-j", "DROP")
	if a.reaches(c, time.Second) {
		t.Fatal("The relay has no effect")
	}
	a.mustReach(c, 4*patience)
	if !good.forwards(a, c) {
		t.Error("They do not speak through the other relay")
	}
}

func TestANATThatForgetsIsNoticed(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.hidden("c", true)
	a.start()
	c.start()
	a.mustReach(c, patience)
	l := a.stream(c, func() {
		time.Sleep(time.Second)
		b.in(b.id+"c-nat", "conntrack", "-F")
		time.Sleep(4 * time.Second)
	})
	t.Logf("It cost %s of silence", l.silence)
	a.mustReach(c, time.Second)
}

// forwards says whether this relay forwards what two others say to each other.
func (n *testNode) forwards(a, c *testNode) bool {
	before := n.collect()["relay_forwarded_total"]
	for range 20 {
		a.reaches(c, time.Second)
	}
	return n.collect()["relay_forwarded_total"] >= before+40
}

func TestConnectionsGoOnWhenTheAddressChanges(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	a.mustReach(c, patience)
	loss := a.stream(c, func() {
		time.Sleep(time.Second)
		b.in(b.id+"wan", "ip", "address", "add", "198.51.100.121/30", "dev", "w2")
		b.in(c.ns, "ip", "address", "add", "198.51.100.122/30", "dev", "e2")
		b.in(c.ns, "ip", "route", "replace", "default", "via", "198.51.100.121")
		b.in(c.ns, "ip", "address", "delete", c.options.Address.String()+"/30", "dev", "e2")
		b.in(b.id+"wan", "ip", "address", "delete", "198.51.100.9/30", "dev", "w2")
	})
	t.Logf("The change cost %s of silence", loss.silence)
	a.mustReach(c, 5*time.Second)
	b.eventually("the new address is reported", 2*patience, func() bool {
		b.lock.Lock()
		defer b.lock.Unlock()
		return slices.Contains(c.report.Endpoints, netip.MustParseAddrPort("198.51.100.122:51820"))
	})
}

func TestRestartedNodeIsReachedAgain(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	a.mustReach(c, patience)
	c.kill()
	c.start()
	a.mustReach(c, 8*time.Second)
	if c.key.IsZero() {
		t.Error("The node has no key")
	}
}

func TestKeyChangesUnderTraffic(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.options.RotateAfter = 3 * time.Second
	c.start()
	a.mustReach(c, patience)
	before := c.key
	loss := a.stream(c, func() {
		b.eventually("the key is another", patience, func() bool {
			b.lock.Lock()
			defer b.lock.Unlock()
			return c.key != before
		})
		time.Sleep(settle + 2*time.Second)
	})
	if loss.lost > 2 {
		t.Errorf("The change of the key cost %d packets of %d", loss.lost, loss.sent)
	}
}

func TestAPeerThatHearsLateOfAKeyIsReachedAgain(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.options.RotateAfter = 3 * time.Second
	c.start()
	a.mustReach(c, patience)
	b.lock.Lock()
	before := c.key
	a.deaf = true
	b.lock.Unlock()
	b.eventually("the key is another", patience, func() bool {
		b.lock.Lock()
		defer b.lock.Unlock()
		return c.key != before
	})
	time.Sleep(settle + time.Second)
	b.lock.Lock()
	a.deaf = false
	b.lock.Unlock()
	b.sync()
	a.mustReach(c, patience)
}

func TestPacketsFitThroughANarrowNetwork(t *testing.T) {
	b := newBed(t)
	r, a, c := b.public("r"), b.public("a"), b.hidden("c", true)
	a.relays, c.relays = []string{"r"}, []string{"r"}
	b.in(b.id+"wan", "ip", "link", "set", "w2", "mtu", "1280")
	b.in(a.ns, "ip", "link", "set", "e2", "mtu", "1500")
	for _, n := range []*testNode{r, a, c} {
		n.start()
	}
	a.mustReach(c, patience)
	b.eventually("the size is measured", patience, func() bool { return a.has("peers_by_mtu 1216", 2) && c.has("peers_by_mtu 1216", 1) })
	a.mustCarry(c, 1<<20)
	from, to := a.newPod(), c.newPod()
	from.mustCarry(to, 1<<20)
	// What goes through the relay is smaller still.
	b.in(b.id+"wan", "iptables", "-A", "FORWARD", "-i", "w2", "-o", "w3", "-j", "DROP")
	b.eventually("c is reached through the relay", patience, func() bool { return a.has("peers relayed", 1) && a.has("peers_by_mtu 1136", 1) })
	a.mustReach(c, patience)
	a.mustCarry(c, 1<<20)
	from.mustCarry(to, 1<<20)
}

func TestPeerSendsFromItsOwnAddressesOnly(t *testing.T) {
	b := newBed(t)
	a, c, d := b.public("a"), b.public("c"), b.public("d")
	for _, n := range []*testNode{a, c, d} {
		n.start()
	}
	c.mustReach(a, patience)
	d.mustReach(a, patience)
	for whose, taken := range map[string]netip.Addr{
		"one of d's": d.pod, "a pod's of a node that a knows nothing of": netip.MustParseAddr("10.200.99.7"),
		"one of the internet": netip.MustParseAddr("198.51.100.250"),
	} {
		b.in(c.ns, "ip", "address", "add", taken.String()+"/32", "dev", "lo")
		if got := c.deliver(a, taken); got {
			t.Errorf("A packet of c's came through as %s", whose)
		}
	}
	if got := c.deliver(a, c.pod); !got {
		t.Error("c's own packets do not come through any more")
	}
}

func TestNothingPassesThroughANodeToElsewhere(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	c.mustReach(a, patience)
	// Behind a there is a machine. c believes that its network is a's range, and so sends a what is for it.
	lan := &testNode{bed: b, name: "lan", ns: b.namespace("lan")}
	lan.pod = b.link("a", "lan", "10.200.9.0/24")
	b.lock.Lock()
	c.edit = func(network *wire.Network) {
		peer := network.Peers["a"]
		peer.Range = netip.MustParsePrefix("10.200.9.0/24")
		peer.Address = wire.OwnAddress(peer.Range)
		network.Peers["a"] = peer
	}
	b.lock.Unlock()
	b.sync()
	b.eventually("c has a's new range and a way to it", patience, func() bool {
		conn, err := c.dial(lan)
		if err == nil {
			conn.Close()
		}
		return err == nil && c.has("peers direct", 1)
	})
	time.Sleep(time.Second) // for a session
	if !a.deliver(lan, a.pod) {
		t.Fatal("The machine is not reached by a itself")
	}
	if c.deliver(lan, c.pod) {
		t.Error("a has passed on what was not for it")
	}
}

func TestPeerThatTheViewLacksIsGone(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	a.mustReach(c, patience)
	b.lock.Lock()
	a.edit = func(network *wire.Network) { delete(network.Peers, "c") }
	b.lock.Unlock()
	b.sync()
	b.eventually("c is no peer", patience, func() bool { return a.has("peers direct", 0) })
	if c.reaches(a, time.Second) {
		t.Error("c is still heard")
	}
	conn, err := a.dial(c)
	if err == nil {
		conn.Close()
		t.Error("There is still a way to c's pods, other than none")
	}
}

func TestTwoPeersThatClaimTheSameAreRefused(t *testing.T) {
	b := newBed(t)
	a, c, d := b.public("a"), b.public("c"), b.public("d")
	for _, n := range []*testNode{a, c, d} {
		n.start()
	}
	a.mustReach(c, patience)
	b.lock.Lock()
	a.edit = func(network *wire.Network) {
		peer := network.Peers["d"]
		peer.Key = network.Peers["c"].Key
		network.Peers["d"] = peer
	}
	b.lock.Unlock()
	b.sync()
	b.eventually("both are refused", patience, func() bool { return a.has("peers direct", 0) && a.has("peers none", 0) })
}

func TestWhatHasNoPeerIsUnreachable(t *testing.T) {
	b := newBed(t)
	a := b.public("a")
	a.start()
	b.eventually("the device is there", patience, a.hasDevice)
	unreachable := func() bool {
		return errors.Is(a.within(func() error {
			_, err := net.Dial("udp4", "10.200.77.5:53")
			return err
		}), syscall.EHOSTUNREACH)
	}
	if !unreachable() {
		t.Error("An address of no peer takes the default route")
	}
	a.kill()
	if !unreachable() {
		t.Error("An address of no peer takes the default route when the agent has been killed")
	}
}

func TestTheDeviceGoesWithTheOverlay(t *testing.T) {
	b := newBed(t)
	a := b.public("a")
	a.start()
	b.eventually("the device is there", patience, a.hasDevice)
	a.stdin.Close() // which ends the context
	<-a.ended
	if a.hasDevice() {
		t.Error("It is still there")
	}
}

func TestTheOverlayEndsWhenItsDeviceIsTaken(t *testing.T) {
	b := newBed(t)
	a := b.public("a")
	a.mayFail = true
	a.start()
	b.eventually("the device is there", patience, a.hasDevice)
	b.in(a.ns, "ip", "link", "delete", "daas0")
	select {
	case <-a.ended:
	case <-time.After(patience):
		t.Error("It goes on without its device")
	}
}

func TestKeysThatChangeHandsAreTheNewOwners(t *testing.T) {
	b := newBed(t)
	a, c, d := b.public("a"), b.public("c"), b.public("d")
	for _, n := range []*testNode{a, c, d} {
		n.start()
	}
	a.mustReach(c, patience)
	a.mustReach(d, patience)
	// A view in which c has d's place, and d has c's.
	b.lock.Lock()
	a.edit = func(network *wire.Network) {
		one, other := network.Peers["c"], network.Peers["d"]
		one.Key, other.Key = other.Key, one.Key
		network.Peers["c"], network.Peers["d"] = one, other
	}
	b.lock.Unlock()
	b.sync()
	b.eventually("neither speaks for the other's address", patience, func() bool { return !c.deliver(a, c.pod) && !d.deliver(a, d.pod) })
	b.lock.Lock()
	a.edit = nil
	b.lock.Unlock()
	b.sync()
	a.mustReach(c, patience)
	a.mustReach(d, patience)
}
