package overlay

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"daasvader/k3s/wire"
)

// Three nodes are 127.0.0.x here: what a relay gets and sends, without WireGuard in between.

func testMember(address string, isClient bool, relays ...netip.Addr) *member {
	m := &member{address: netip.MustParseAddr(address), allowance: rate.NewLimiter(relayRate, relayBurst)}
	allowed := map[netip.Addr]bool{}
	for _, relay := range relays {
		allowed[relay] = true
	}
	m.grants.Store(&grants{isClient: isClient, relays: allowed})
	way := path{direct: netip.MustParseAddrPort("198.51.100.9:4000")}
	m.path.Store(&way)
	return m
}

func relayBind(t *testing.T, members ...*member) *bind {
	t.Helper()
	inner, err := listenUDP(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), "", false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inner.close() })
	b := &bind{onProbe: func(arrivedProbe) {}}
	b.inner.Store(inner)
	d := &directory{members: map[netip.Addr]*member{}}
	for _, m := range members {
		d.members[m.address] = m
	}
	b.directory.Store(d)
	return b
}

// take gives the bind a frame as from a node, and says whether it was forwarded, and what WireGuard gets.
func take(b *bind, from string, f frame) (forwarded bool, delivered []byte) {
	before := b.relay.forwarded.Load()
	delivered, _ = b.takeInner(frameOf(f), netip.AddrPortFrom(netip.MustParseAddr(from), wire.RelayPort))
	b.relay.flush(b.inner.Load())
	return b.relay.forwarded.Load() > before, delivered
}

func TestARelayForwardsBetweenItsClientsOnly(t *testing.T) {
	b := relayBind(t, testMember("127.0.0.2", true), testMember("127.0.0.3", true), testMember("127.0.0.4", false))
	unreached := testMember("127.0.0.5", true)
	unreached.path.Store(&path{relay: netip.MustParseAddr("127.0.0.4")})
	b.directory.Load().members[unreached.address] = unreached
	for name, test := range map[string]struct {
		from, to string
		want     bool
	}{
		"from a client to one":                   {"127.0.0.2", "127.0.0.3", true},
		"from a client to itself":                {"127.0.0.2", "127.0.0.2", false},
		"from a client to another peer":          {"127.0.0.2", "127.0.0.4", false},
		"from another peer to a client":          {"127.0.0.4", "127.0.0.2", false},
		"from a stranger to a client":            {"127.0.0.9", "127.0.0.2", false},
		"from a client to a stranger":            {"127.0.0.2", "127.0.0.9", false},
		"to a client behind another relay":       {"127.0.0.2", "127.0.0.5", false},
		"from a client to an address on the net": {"127.0.0.2", "198.51.100.1", false},
	} {
		f := frame{kind: frameForward, peer: netip.MustParseAddr(test.to), payload: message(100)}
		if got, delivered := take(b, test.from, f); got != test.want || delivered != nil {
			t.Errorf("%s: forwarded %v, for WireGuard %x", name, got, delivered)
		}
	}
}

func TestARelayTellsWhoSentAndWhereItSeesThem(t *testing.T) {
	a, c := testMember("127.0.0.2", true), testMember("127.0.0.3", true)
	b := relayBind(t, a, c)
	receiver, err := net.ListenPacket("udp4", "127.0.0.3:51821")
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	for range 3 { // which the kernel may send as one
		b.takeInner(frameOf(frame{kind: frameForward, peer: c.address, payload: message(100)}), netip.AddrPortFrom(a.address, wire.RelayPort))
	}
	b.relay.flush(b.inner.Load())
	for range 3 {
		buffer := make([]byte, 2000)
		receiver.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _, err := receiver.ReadFrom(buffer)
		if err != nil {
			t.Fatal(err)
		}
		f, ok := parseFrame(buffer[:n])
		if !ok || f.kind != frameDeliver || f.peer != a.address || f.seen != a.path.Load().direct || len(f.payload) != 100 {
			t.Errorf("The relay sent %+v", f)
		}
	}
}

func TestOnePeersTrafficIsBounded(t *testing.T) {
	b := relayBind(t, testMember("127.0.0.2", true), testMember("127.0.0.3", true), testMember("127.0.0.4", true))
	b.directory.Load().members[netip.MustParseAddr("127.0.0.2")].allowance.SetLimit(0) // no time passes for it
	f := frame{kind: frameForward, peer: netip.MustParseAddr("127.0.0.3"), payload: message(1200)}
	forwarded := 0
	for range 3 * relayBurst / 1200 {
		if ok, _ := take(b, "127.0.0.2", f); ok {
			forwarded++
		}
	}
	if forwarded == 0 || forwarded > relayBurst/1200 {
		t.Errorf("%d packets were forwarded at once", forwarded)
	}
	if ok, _ := take(b, "127.0.0.4", f); !ok {
		t.Error("What one peer sends keeps the relay from forwarding for another")
	}
}

func TestOnlyAPeersRelaysDeliverForIt(t *testing.T) {
	relay := testMember("127.0.0.4", false)
	b := relayBind(t, relay, testMember("127.0.0.2", true, relay.address), testMember("127.0.0.3", true))
	for name, test := range map[string]struct {
		from, sender string
		want         bool
	}{
		"a relay, for a peer that it relays for": {"127.0.0.4", "127.0.0.2", true},
		"a relay, for a peer of other relays":    {"127.0.0.4", "127.0.0.3", false},
		"a relay, for itself":                    {"127.0.0.4", "127.0.0.4", false},
		"a relay, for a stranger":                {"127.0.0.4", "127.0.0.9", false},
		"a peer that is no relay":                {"127.0.0.3", "127.0.0.2", false},
		"a stranger":                             {"127.0.0.9", "127.0.0.2", false},
	} {
		f := frame{kind: frameDeliver, peer: netip.MustParseAddr(test.sender), payload: message(100)}
		if forwarded, got := take(b, test.from, f); (got != nil) != test.want || forwarded {
			t.Errorf("%s: delivered %v, forwarded %v", name, got != nil, forwarded)
		}
	}
}

func TestARelayCannotPassOneOffAsAnother(t *testing.T) {
	// The probe is one of a's; the relay says that it is c's.
	relay := testMember("127.0.0.4", false)
	a, c := testMember("127.0.0.2", true, relay.address), testMember("127.0.0.3", true, relay.address)
	b := relayBind(t, relay, a, c)
	theirs, ours := acquainted(t)
	b.directory.Load().secrets = map[[probeID]byte]*acquaintance{ours.inID: {secret: ours, peer: "a", member: a}}
	var heard []arrivedProbe
	b.onProbe = func(arrived arrivedProbe) { heard = append(heard, arrived) }
	take(b, "127.0.0.4", frame{kind: frameDeliver, peer: c.address, payload: theirs.seal(probe{kind: probePing}, minProbe)})
	if len(heard) != 0 {
		t.Errorf("It was taken: %+v", heard)
	}
	take(b, "127.0.0.4", frame{kind: frameDeliver, peer: a.address, payload: theirs.seal(probe{kind: probePing}, minProbe)})
	if len(heard) != 1 {
		t.Error("What the relay says truly is not taken")
	}
}

func TestFramesComeFromTheRelaysPortOnly(t *testing.T) {
	b := relayBind(t, testMember("127.0.0.2", true), testMember("127.0.0.3", true))
	f := frameOf(frame{kind: frameForward, peer: netip.MustParseAddr("127.0.0.3"), payload: message(100)})
	b.takeInner(f, netip.MustParseAddrPort("127.0.0.2:4000"))
	b.relay.flush(b.inner.Load())
	if b.relay.forwarded.Load() != 0 {
		t.Error("What any program of the other machine sent was forwarded")
	}
}

func TestAnAnswerIsNoLongerThanTheQuestion(t *testing.T) {
	theirs, ours := acquainted(t)
	asking, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer asking.Close()
	outer, err := listenUDP(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), "", true)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.close()
	b := &bind{onProbe: func(arrivedProbe) {}}
	b.outer.Store(outer)
	b.directory.Store(&directory{secrets: map[[probeID]byte]*acquaintance{ours.inID: {secret: ours, peer: "a", member: testMember("127.0.0.2", false)}}})
	from := asking.LocalAddr().(*net.UDPAddr).AddrPort()
	for range 2 { // the second is a replay
		b.takeOuter(theirs.seal(probe{kind: probePing, token: 5}, minProbe), from)
	}
	replayed := theirs.seal(probe{kind: probePing, token: 6}, minProbe)
	b.takeOuter(replayed, from)
	b.takeOuter(replayed, from)
	answers := 0
	for {
		buffer := make([]byte, 2000)
		asking.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, _, err := asking.ReadFrom(buffer)
		if err != nil {
			break
		}
		answers++
		if read, ok := theirs.open(buffer[:n]); n > minProbe || !ok || read.kind != probePong || read.endpoint != from {
			t.Errorf("The answer has %d bytes and says %+v", n, read)
		}
	}
	if answers != 3 {
		t.Errorf("There were %d answers to three probes, of which one came twice", answers)
	}
}

func TestAPeerTellsWhenItLastGotAPacket(t *testing.T) {
	now := time.Unix(1e9, 0)
	n := &node{options: &Options{Cluster: testCluster}, bind: &bind{}}
	p := newPeer("a", testPeer(2), relayRate)
	p.paths.set(stated, []path{straight}, now)
	p.paths.active = p.paths.candidates[0]
	p.paths.active.answered(now, time.Millisecond)
	isUsed := func(age byte, after time.Duration) bool {
		n.weigh(p, age, now.Add(after))
		return p.paths.active.isAlive(now.Add(after))
	}
	if !isUsed(maxAge, time.Hour) {
		t.Error("A way is left on which nothing was sent")
	}
	p.sentPacket(now)
	if !isUsed(maxAge, evidenceWithin) {
		t.Error("A way is left at once")
	}
	if !isUsed(1, evidenceWithin) || p.owesSince.Load() != 0 {
		t.Error("A packet is missed that the peer got")
	}
	p.sentPacket(now)
	if isUsed(20, evidenceWithin+time.Second) {
		t.Error("A way is used on which nothing arrives")
	}
	if after := distrust + time.Minute; !p.paths.active.isAlive(now.Add(after)) {
		t.Error("It is never tried again")
	}
}

func TestPacketsAreEvidenceOfTheirSender(t *testing.T) {
	a, c := testMember("10.200.2.1", false), testMember("10.200.3.1", false)
	b := &bind{}
	b.directory.Store(&directory{members: map[netip.Addr]*member{a.address: a, c.address: c}})
	w := witness{bind: b}
	packet := make([]byte, 40)
	now := time.Unix(1e9, 0)
	for i, source := range [][]byte{{10, 200, 2, 9}, {10, 200, 2, 1}, {10, 200, 9, 1}, {10, 200, 3, 7}} {
		copy(packet[12:], source)
		w.see(packet, now.Add(time.Duration(i)*time.Second))
	}
	w.see(nil, now)
	if got := a.age(now.Add(3 * time.Second)); got != 2 {
		t.Errorf("The last packet of a came %d s ago", got)
	}
	if got := c.age(now.Add(1000 * time.Second)); got != maxAge {
		t.Errorf("The last packet of c came %d s ago", got)
	}
}

func TestStrangersGetNoAnswer(t *testing.T) {
	asking, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer asking.Close()
	outer, err := listenUDP(context.Background(), netip.MustParseAddrPort("127.0.0.1:0"), "", true)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.close()
	b := &bind{onProbe: func(arrived arrivedProbe) { t.Errorf("A stranger was heard: %+v", arrived) }}
	b.outer.Store(outer)
	_, known := acquainted(t)
	b.directory.Store(&directory{secrets: map[[probeID]byte]*acquaintance{known.inID: {secret: known, peer: "a", member: testMember("127.0.0.2", false)}}})
	stranger, _ := acquainted(t)
	forged := stranger.seal(probe{kind: probePing}, minProbe)
	copy(forged[2:], known.inID[:]) // as somebody on the way can see it
	for _, packet := range [][]byte{stranger.seal(probe{kind: probePing}, minProbe), forged, make([]byte, 1400), {}} {
		if payload, _ := b.takeOuter(packet, asking.LocalAddr().(*net.UDPAddr).AddrPort()); payload != nil {
			t.Errorf("WireGuard gets %x", payload)
		}
	}
	asking.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, _, err := asking.ReadFrom(make([]byte, 2000)); err == nil {
		t.Errorf("A stranger got %d bytes", n)
	}
}
