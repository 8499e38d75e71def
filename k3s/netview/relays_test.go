package netview

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"daasvader/k3s/wire"
)

// endpoint is one of the internet.
func endpoint(last int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{25, 0, byte(last >> 8), byte(last)}), 51820)
}

// withRelays is two nodes that share a namespace, and others, with nothing to run, that could relay.
func withRelays(t testing.TB, count int) *fixture {
	f := newFixture(t)
	f.put(nodeNamed("a", 1), nodeNamed("b", 2), tenants("alice", "0xa"))
	f.put(podOn("a", "alice", "web", "10.64.1.2"), podOn("b", "alice", "db", "10.64.2.2"))
	for i := range count {
		f.put(nodeNamed(relayNamed(i), 10+i, endpoint(i+1)))
	}
	return f
}

func relayNamed(i int) string { return fmt.Sprintf("relay-%d", i) }

func TestTwoRelaysAreChosenAndKnowTheirClientsAndNothingElse(t *testing.T) {
	f := withRelays(t, 5)
	a, b := f.seen("a"), f.seen("b")
	if len(a.Self.Relays) != homesEach || !slices.Equal(b.Peers["a"].Relays, a.Self.Relays) || !slices.Equal(a.Peers["b"].Relays, b.Self.Relays) {
		t.Fatalf("a has the relays %v, and b is told %v", a.Self.Relays, b.Peers["a"].Relays)
	}
	for _, name := range slices.Concat(a.Self.Relays, b.Self.Relays) {
		for _, node := range []wire.Network{a, b} {
			if peer := node.Peers[name]; peer.Range.IsValid() || peer.IsClient || peer.Key != keyOf(name) || len(peer.Endpoints) != 1 {
				t.Errorf("%s is told of relay %s: %v", node.Version, name, peer)
			}
		}
		relay := f.seen(name)
		wants(t, "peers of "+name, keys(relay.Peers), "a", "b")
		wants(t, "pods of "+name, keys(relay.Pods))
		for name, peer := range relay.Peers {
			if !peer.IsClient || peer.Range.IsValid() || len(peer.Relays) > 0 {
				t.Errorf("the relay is told of %s: %v", name, peer)
			}
		}
	}
	again := f.seen("a")
	if !slices.Equal(a.Self.Relays, again.Self.Relays) || a.Version != again.Version {
		t.Errorf("nothing has changed, but %v became %v", a.Self.Relays, again.Self.Relays)
	}
}

func TestOnlyReachableNodesRelayAndOnlyForThoseWhoSpeak(t *testing.T) {
	f := withRelays(t, 0)
	f.put(nodeNamed("silent", 9), podOn("a", "alice", "x", "10.64.1.3"))
	wants(t, "relays", f.seen("a").Self.Relays)
	f.put(nodeNamed("b", 2, endpoint(2)))
	wants(t, "relays", f.seen("a").Self.Relays, "b")
	wants(t, "relays to b, who is its own", f.seen("b").Peers["a"].Relays)
	if peer := f.seen("b").Peers["a"]; !peer.IsClient || !peer.Range.IsValid() {
		t.Errorf("b is told of a: %v", peer)
	}
	f.remove(podOn("b", "alice", "db", ""))
	wants(t, "relays of one who speaks to nobody", f.seen("a").Self.Relays)
	wants(t, "peers", keys(f.seen("b").Peers))
}

func TestWhoIsReachedByOthersComesFirst(t *testing.T) {
	f := withRelays(t, 6)
	chosen := f.seen("a").Self.Relays
	var unchosen string
	for i := range 6 {
		if name := relayNamed(i); !slices.Contains(chosen, name) && !slices.Contains(f.seen("b").Self.Relays, name) {
			unchosen = name
		}
	}
	f.Report("a", wire.NetworkReport{Reached: []string{unchosen, "nobody"}})
	wants(t, "relays, of which one was praised by a node that does not see it", f.seen("a").Self.Relays, chosen...)
	second := f.seen("a").Self.Relays[1]
	f.Report("b", wire.NetworkReport{Reached: []string{second}})
	f.Report("a", wire.NetworkReport{Reached: []string{second}})
	if relays := f.seen("a").Self.Relays; relays[0] != second {
		t.Errorf("%s, which two reach, is not first of %v", second, relays)
	}
	relay := f.nodes[second]
	f.put(nodeNamed(second, int(f.podRange(relay).Addr().As4()[2]), endpoint(99)))
	f.seen("a")
	if len(relay.reachedBy) > 0 {
		t.Error("who was reached elsewhere counts as reached where it is now")
	}
}

func TestWhatANodeSaysItCannotReachIsLastForItAlone(t *testing.T) {
	f := withRelays(t, 4)
	former, others := f.seen("a").Self.Relays, f.seen("b").Self.Relays
	f.Report("a", wire.NetworkReport{Failed: former})
	after := f.seen("a").Self.Relays
	for _, name := range after {
		if slices.Contains(former, name) {
			t.Errorf("a still has %v, after %v failed", after, former)
		}
	}
	wants(t, "relays of b", f.seen("b").Self.Relays, others...)
	f.clock = f.clock.Add(failedFor + time.Second)
	for _, name := range after {
		f.remove(nodeNamed(name, 0))
	}
	if relays := f.seen("a").Self.Relays; len(relays) != homesEach {
		t.Errorf("after a while a has %v", relays)
	}
}

func TestARelayHasABoundedNumberOfClients(t *testing.T) {
	f := newFixture(t)
	f.put(open("tools"), nodeNamed("relay", 0, endpoint(1)))
	count := maxClients + 50
	for i := range count {
		name := fmt.Sprintf("n%d", i)
		n := nodeNamed(name, 0)
		n.Spec.PodCIDR = fmt.Sprintf("10.%d.%d.0/24", 65+i/256, i%256)
		f.put(n, podOn(name, "tools", name, fmt.Sprintf("10.%d.%d.2", 65+i/256, i%256)))
	}
	f.seen("relay")
	relay, guests := f.nodes["relay"], 0
	for i := range count {
		n := f.nodes[fmt.Sprintf("n%d", i)]
		if len(n.homes) > 0 {
			guests++
		}
		for name, peer := range n.newest().peers {
			if len(peer.Relays) > 0 && !(relay.clients[n] && relay.clients[f.nodes[name]]) {
				t.Fatalf("n%d is to reach %s through a relay that does not know both", i, name)
			}
		}
	}
	if guests != maxGuests || len(relay.guests) != maxGuests || len(relay.clients) != maxClients || len(relay.newest().peers) != maxClients {
		t.Errorf("the relay has %d guests and %d clients, and sees %d", guests, len(relay.clients), len(relay.newest().peers))
	}
}

func TestAkeyRestsBeforeItIsAnothers(t *testing.T) {
	f := twoTenants(t)
	key := keyOf("next")
	if err := f.Claim("a", key); err != nil {
		t.Fatal(err)
	}
	if f.Claim("b", key) == nil {
		t.Error("a claimed key is given to another")
	}
	f.clock = f.clock.Add(keyRest + time.Second)
	if err := f.Claim("b", key); err != nil {
		t.Errorf("a claim that came to nothing is not forgotten: %v", err)
	}
	if f.Claim("c", keyOf("a")) == nil {
		t.Error("a key that is held is given to another")
	}
	f.remove(nodeNamed("a", 1))
	f.seen("b")
	if f.Claim("c", keyOf("a")) == nil {
		t.Error("the key of a node that has just left is given to another")
	}
	f.clock = f.clock.Add(keyRest + time.Second)
	if err := f.Claim("c", keyOf("a")); err != nil {
		t.Errorf("a key that has rested is not given: %v", err)
	}
}

func TestAKeyThatTwoNodesHaveIsTheFirstOnes(t *testing.T) {
	f := twoTenants(t)
	thief := nodeNamed("b", 2)
	thief.Annotations[KeyAnnotation] = keyOf("a").String()
	f.put(thief)
	wants(t, "peers of a", keys(f.seen("a").Peers))
	if key := f.seen("b").Self.Key; !key.IsZero() {
		t.Errorf("b has the key %v", key)
	}
	if key := f.seen("a").Self.Key; key != keyOf("a") {
		t.Errorf("a has the key %v", key)
	}
}

func TestKeysHaveOneWriting(t *testing.T) {
	prime := wire.WireGuardKey{0xed, 31: 0x7f}
	for i := 1; i < 31; i++ {
		prime[i] = 0xff
	}
	less, more, high := prime, prime, keyOf("a")
	less[0]--
	more[0]++
	high[31] |= 0x80
	for key, want := range map[wire.WireGuardKey]bool{less: true, prime: false, more: false, high: false, keyOf("a"): true} {
		if IsCanonical(key) != want {
			t.Errorf("IsCanonical(%x) is %v", key, !want)
		}
	}
}

func TestWhoIsForgottenLeavesNothing(t *testing.T) {
	f := withRelays(t, 3)
	f.seen("a")
	f.Report("a", wire.NetworkReport{Reached: []string{relayNamed(0)}, Failed: []string{relayNamed(1)}})
	f.remove(podOn("a", "alice", "web", ""), podOn("b", "alice", "db", ""), nodeNamed("a", 0), nodeNamed("b", 0))
	for i := range 3 {
		f.remove(nodeNamed(relayNamed(i), 0))
	}
	f.remove(tenants("alice", "0xa"))
	f.clock = f.clock.Add(keyRest + time.Second)
	f.seen("nobody")
	if err := f.Claim("nobody", keyOf("x")); err != nil {
		t.Fatal(err)
	}
	if sizes := []int{len(f.nodes), len(f.namespaces), len(f.owners), len(f.addresses), len(f.ranges), len(f.keys)}; !slices.Equal(sizes, []int{0, 0, 0, 0, 0, 1}) {
		t.Errorf("what is left: %v", sizes)
	}
}
