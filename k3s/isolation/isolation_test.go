package isolation

import (
	"context"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"daasvader/k3s/pulls"
	"daasvader/k3s/wire"
)

func TestPodsReachTheirOwnNamespaceTheInternetAndNobodyElse(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	farA, farB := m.farPod("a", "10.42.1.5"), m.farPod("b", "10.42.1.6")
	lan, another := testPod{m.router, routerAddress}, testPod{m.far, far}
	m.expect( // nothing else keeps them apart
		reach{a1, b.address, true}, reach{a1, "10.42.0.1", true}, reach{a1, routerAddress, true}, reach{a1, metadata, true},
		reach{a1, internet + ":25", true}, reach{farB, a1.address, true}, reach{lan, a1.address, true}, reach{a1, farB.address, true},
	)
	m.apply()
	m.expect(
		reach{a1, a2.address, true}, reach{a2, a1.address, true}, reach{a1, a1.address, true},
		reach{a1, farA.address, true}, reach{farA, a1.address, true},
		reach{a1, internet, true}, reach{a1, dns + ":53", true},
		reach{a1, b.address, false}, reach{b, a2.address, false},
		reach{a1, farB.address, false}, reach{farB, a1.address, false}, reach{farA, b.address, false},
		reach{another, a1.address, false}, reach{a1, far, false}, reach{a1, "10.42.1.77", false}, reach{a1, "10.33.0.1", false},
		reach{a1, "10.42.0.1", false}, reach{a1, nodeAddress, false}, reach{a1, dns, false},
		reach{a1, routerAddress, false}, reach{a1, metadata, false}, reach{a1, "100.64.0.9", false}, reach{a1, "9.9.9.9", false},
		reach{a1, internet + ":25", false}, reach{a1, "10.43.0.1", false},
		reach{lan, a1.address, false}, reach{another, "10.42.0.1", false}, reach{farA, "10.42.0.1", false}, reach{farA, internet, false},
		reach{testPod{m.node, ""}, a1.address, true}, reach{testPod{m.node, ""}, routerAddress, true},
	)
	if conn, as, err := a1.dial(internet + ":8080"); err != nil || as != nodeAddress {
		t.Errorf("the internet sees %q, want the machine's %s: %v", as, nodeAddress, err)
	} else {
		conn.Close()
	}
	if conn, as, err := a1.dial(farA.address + ":8080"); err != nil || as != a1.address {
		t.Errorf("a pod of another node sees %q, want %s: %v", as, a1.address, err)
	} else {
		conn.Close()
	}
}

func TestPodsOfOpenNamespacesReachEachOtherAndOtherNodesReachThem(t *testing.T) {
	m := newMachine(t)
	system, open, a := m.pod("kube-system", "1"), m.pod("default", "1"), m.pod("a", "1")
	farOpen, node := m.farPod("default", "10.42.1.5"), testPod{m.far, far}
	m.apply()
	m.expect(
		reach{system, open.address, true}, reach{system, farOpen.address, true}, reach{farOpen, system.address, true},
		reach{node, system.address, true}, reach{system, far, false},
		reach{a, open.address, false}, reach{open, a.address, false}, reach{farOpen, a.address, false}, reach{node, a.address, false},
	)
	m.policy("1", wire.Policy{Pods: []netip.Addr{system.addr()}, IsIngress: true})
	m.change()
	m.expect(reach{node, system.address, false}, reach{open, system.address, false}, reach{system, open.address, true})
}

func TestPodsOfUnknownNamespacesAndPlacesReachNobody(t *testing.T) {
	m := newMachine(t)
	a, stranger, unknown := m.pod("a", "1"), m.pod("nowhere", "1"), m.pod("a", "2")
	farStranger, misplaced := m.farPod("nowhere", "10.42.1.5"), m.farPod("a", "10.42.2.5")
	m.ip(m.node, "route add 10.42.2.0/24 via "+far+" dev daas0 onlink")
	delete(m.network.Pods, unknown.address)
	m.apply()
	m.expect(
		reach{stranger, internet, false}, reach{stranger, a.address, false}, reach{a, stranger.address, false},
		reach{unknown, internet, false}, reach{unknown, a.address, false}, reach{a, unknown.address, false},
		reach{farStranger, stranger.address, false}, reach{misplaced, a.address, false}, reach{a, misplaced.address, false},
		reach{unknown, dns + ":53", true}, // which tells strangers nothing
	)
}

func TestPodThatSpeaksAsAnotherIsNotHeard(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	m.ip(b.ns, "addr add "+a1.address+"/32 dev lo")
	heard := make(chan string, 1)
	m.listen(a2, heard)
	m.send(b, a1.address, a2.address)
	if got := receive(heard); got != a1.address {
		t.Fatalf("heard of %q: nothing else keeps it from speaking as %s", got, a1.address)
	}
	m.apply()
	m.send(b, a1.address, a2.address)
	if got := receive(heard); got != "" {
		t.Errorf("b speaks as %s", got)
	}
	m.send(a1, a1.address, a2.address)
	if got := receive(heard); got != a1.address {
		t.Errorf("a1 is not heard, but %q", got)
	}
	// A connection that is open is no way in either: what comes in its name, from another link, is dropped.
	m.ip(m.far, "addr add "+a1.address+"/32 dev lo")
	m.ip(m.router, "addr add "+a1.address+"/32 dev lo")
	for name, ns := range map[string]testPod{"the overlay": {m.far, a1.address}, "the provider's network": {m.router, a1.address}} {
		m.send(ns, a1.address, a2.address)
		if got := receive(heard); got != "" {
			t.Errorf("%s speaks as %s", name, got)
		}
	}
	if drops := m.isolation.mangle.drops.reasons(); drops["spoofed"] != 0 {
		t.Errorf("drops are counted before they are read: %v", drops)
	}
	m.apply()
	if drops := m.isolation.mangle.drops.reasons(); drops["spoofed"] < 2 || drops["stranger"] < 1 {
		t.Errorf("dropped %v", drops)
	}
}

func TestWhatSomebodyChangedIsSetAgain(t *testing.T) {
	m := newMachine(t)
	a, b := m.pod("a", "1"), m.pod("b", "1")
	m.apply()
	for _, change := range []string{
		"iptables -t mangle -F",
		"iptables -t mangle -F K3S-ISOLATE-FORWARD",
		"iptables -t mangle -F K3S-ISOLATE-EGRESS; iptables -t mangle -F K3S-ISOLATE-INGRESS",
		"iptables -t mangle -D FORWARD -j K3S-ISOLATE-FORWARD",
		"iptables -t mangle -I FORWARD -j ACCEPT",
		"iptables -t mangle -I K3S-ISOLATE-FORWARD -j RETURN",
		"iptables -t mangle -F; iptables -t mangle -X",
		"ipset add -exist K3S-GROUPS " + b.address + " skbmark $(ipset save K3S-GROUPS | awk '$3==\"" + a.address + "\"{print $5}')",
		"ipset flush K3S-IN-BASE; ipset flush K3S-OUT-BASE; ipset add K3S-OUT-BASE " + a.address + "; for n in 0 1; do ipset add K3S-IN-$n 10.42.0.0/24 skbmark 0xffff0000/0x0; done; ipset add K3S-OUT-0 10.42.0.0/24 skbmark 0xffff0000/0x0",
		"iptables -t mangle -F; iptables -t nat -F; for s in $(ipset list -n); do ipset destroy $s; done",
		"iptables -t mangle -F; iptables -t nat -F; ipset destroy K3S-GROUPS; ipset create K3S-GROUPS hash:net",
	} {
		m.command(m.node, "sh", "-c", change)
		m.expect(reach{a, b.address, true})
		m.apply()
		m.expect(reach{a, b.address, false}, reach{a, internet, true})
	}
	for _, change := range []string{
		"ipset flush K3S-REFUSED",
		"ipset del K3S-REFUSED 192.168.7.0/24; ipset del K3S-REFUSED 192.168.0.0/16; ipset del K3S-REFUSED " + routerAddress + "; true",
		"ipset add K3S-REFUSED " + routerAddress + " nomatch",
	} {
		m.command(m.node, "sh", "-c", change)
		m.expect(reach{a, routerAddress, true})
		m.apply()
		m.expect(reach{a, routerAddress, false})
	}
	m.command(m.node, "sh", "-c", "ipset flush K3S-LOCAL; iptables -t nat -F; echo 0 > /proc/sys/net/ipv4/ip_forward")
	m.expect(reach{a, internet, false})
	m.apply()
	m.expect(reach{a, internet, true})
	if count := strings.Count(m.saved(), "-j K3S-ISOLATE-FORWARD\n"); count != 1 {
		t.Errorf("%d jumps to our rules, want 1", count)
	}
	if restores := testutil.ToFloat64(m.isolation.metrics.restores); restores < 10 {
		t.Errorf("%v restores were counted", restores)
	}
}

func TestNothingIsTouchedThatStands(t *testing.T) {
	m := newMachine(t)
	m.pod("a", "1")
	m.apply()
	for _, namespace := range []string{"b", "a2", "default"} { // numbers are given as they come
		m.pod(namespace, "1")
		m.apply()
	}
	before := m.saved()
	m.apply()
	if restores := testutil.ToFloat64(m.isolation.metrics.restores); restores != 0 || m.saved() != before {
		t.Errorf("%v restores; the rules are\n%s", restores, m.saved())
	}
	m.isolation = New(options) // the agent starts again
	m.apply()
	if changed := testutil.ToFloat64(m.isolation.metrics.changes); changed != 0 {
		t.Errorf("%v entries were changed", changed)
	}
}

func TestWhatWasOpenedWhileTheRulesWereAwayEnds(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	m.apply()
	m.command(m.node, "iptables", "-t", "mangle", "-D", "FORWARD", "-j", "K3S-ISOLATE-FORWARD") // connections are tracked as before
	foreign, own, away, private := m.dial(a1, b.address), m.dial(a1, a2.address), m.dial(a1, internet), m.dial(a1, routerAddress)
	m.apply()
	m.expectEnded(true, foreign, private)
	m.expectEnded(false, own, away)
}

func TestConnectionsEndWithWhatAllowedThem(t *testing.T) {
	m := newMachine(t)
	a1, a2, other := m.pod("a", "1"), m.pod("a", "2"), m.pod("a2", "1")
	m.policy("out", wire.Policy{Pods: []netip.Addr{a1.addr()}, IsEgress: true, Egress: []wire.PolicyRule{
		{Pods: []netip.Addr{other.addr()}}, {Pods: []netip.Addr{a2.addr()}}, {Nets: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
	}})
	m.policy("in", wire.Policy{Pods: []netip.Addr{other.addr()}, IsIngress: true, Ingress: []wire.PolicyRule{{Pods: []netip.Addr{a1.addr()}}}})
	m.apply()
	across, own, away, back := m.dial(a1, other.address), m.dial(a1, a2.address), m.dial(a1, internet), m.dial(a2, a1.address)
	m.policy("out", wire.Policy{Pods: []netip.Addr{a1.addr()}, IsEgress: true, Egress: []wire.PolicyRule{{Pods: []netip.Addr{a2.addr()}}}})
	m.change()
	m.expectEnded(true, across, away)
	m.expectEnded(false, own, back)
	m.network.Pods = maps.Clone(m.network.Pods)
	m.network.Pods[a2.address] = wire.Pod{Namespace: "a", Name: "another", Node: "here"} // of the same address, by and by
	m.change()
	m.expectEnded(true, own, back)
}

func TestConnectionsThroughServicesAreJudgedByTheEndThatTheyReach(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	m.apply()
	for service, pod := range map[string]testPod{"10.43.0.20": a2, "10.43.0.21": b} {
		for _, protocol := range []string{"tcp", "udp"} {
			m.command(m.node, "iptables", "-t", "nat", "-A", "PREROUTING", "-d", service, "-p", protocol, "-j", "DNAT", "--to", pod.address)
		}
	}
	m.expect(reach{a1, "10.43.0.20", true}, reach{a1, "10.43.0.21", false})
	own := m.dial(a1, "10.43.0.20")
	udp := m.dialUDP(a1, "10.43.0.20")
	m.policy("1", wire.Policy{Pods: []netip.Addr{a1.addr()}, IsEgress: true, Egress: []wire.PolicyRule{{Pods: []netip.Addr{a2.addr()}}}})
	m.change()
	m.expectEnded(false, own, udp)
	m.policy("1", wire.Policy{Pods: []netip.Addr{a1.addr()}, IsEgress: true})
	m.change()
	m.expectEnded(true, own, udp)
}

func TestEndedConnectionIsNotTakenUpFromItsOtherEnd(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.apply()
	client, server := m.connected(a1, a2)
	m.policy("1", wire.Policy{Pods: []netip.Addr{a2.addr()}, IsIngress: true}) // a2 may still speak to a1
	m.change()
	if err := exchange(server, client); err == nil {
		t.Error("the one that was spoken to goes on speaking")
	}
	if err := exchange(client, server); err == nil {
		t.Error("the connection goes on")
	}
	m.expect(reach{a2, a1.address, true}, reach{a1, a2.address, false})
}

func TestAnswersThatNobodyAskedForDoNotLeaveThePod(t *testing.T) {
	m := newMachine(t)
	a := m.pod("a", "1")
	m.apply()
	m.command(m.node, "iptables", "-t", "mangle", "-D", "FORWARD", "-j", "K3S-ISOLATE-FORWARD")
	heard := m.hearPings(m.router)
	m.in(a.ns, func() error { return answerPing(internet) }) // no connection: it would not get the machine's address
	if got := receive(heard); got != a.address {
		t.Fatalf("heard of %q: nothing else keeps it", got)
	}
	m.apply()
	m.in(a.ns, func() error { return answerPing(internet) })
	if got := receive(heard); got != "" {
		t.Errorf("the internet hears %s", got)
	}
	m.in(a.ns, func() error { return ping(internet) })
}

func TestPodThatStartsBeforeTheNetworkIsKnownReachesNobody(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.in(m.node, func() error { return Close(context.Background()) })
	m.expect(reach{a1, a2.address, false}, reach{a1, internet, false}, reach{a1, "10.42.0.1", false}, reach{a1, nodeAddress, false})
	m.apply()
	m.in(m.node, func() error { return Close(context.Background()) }) // as when the agent starts again
	m.expect(reach{a1, a2.address, true}, reach{a1, internet, true})
	m.command(m.node, "sh", "-c", "iptables -t mangle -D K3S-ISOLATE-INPUT -i veth+ -m comment --comment node -j DROP")
	m.in(m.node, func() error { return Close(context.Background()) })
	m.expect(reach{a1, a2.address, false}, reach{a1, "10.42.0.1", false})
}

func TestRulesThatCannotBeSetEndTheAgent(t *testing.T) {
	m := newLoneMachine(t)
	m.isolation.Update(m.network)
	t.Setenv("PATH", t.TempDir()) // no iptables there
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			m.isolation.Update(m.network)
			time.Sleep(time.Millisecond)
		}
	}()
	err := within(m.node, func() error { return m.isolation.Run(ctx) })
	if err == nil || !strings.Contains(err.Error(), "tried 5 times") {
		t.Errorf("error is %v", err)
	}
}

func TestRunFollowsTheNetwork(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- within(m.node, func() error { return m.isolation.Run(ctx) }) }()
	eventually(t, func() bool { return !a1.reaches("10.42.0.1") }) // closed before anything is known
	m.isolation.Update(m.network)
	<-m.isolation.Ready()
	m.expect(reach{a1, a2.address, true}, reach{a1, "10.42.0.1", false})
	for range 3 { // as soon each time
		m.command(m.node, "iptables", "-t", "mangle", "-F")
		eventually(t, func() bool { return !a1.reaches("10.42.0.1") })
	}
	cancel()
	<-ended
	m.expect(reach{a1, a2.address, true}, reach{a1, "10.42.0.1", false})
}

func TestWhatPullsImagesReachesNoServiceOfTheMachine(t *testing.T) {
	m := newMachine(t)
	m.in(m.node, func() error { return Close(context.Background()) })
	serve(t, m.node, pulls.Address+":8088")
	for range 2 {
		for address, reached := range map[string]bool{"127.0.0.1:8080": false, pulls.Address + ":8088": true, routerAddress + ":8080": true} {
			if m.asPuller(address) != reached {
				t.Errorf("%s is reached: %v, want %v", address, !reached, reached)
			}
		}
		m.expect(reach{testPod{m.node, ""}, "127.0.0.1", true}) // anybody else
		m.apply()
	}
}

func TestPodThatTurnsIPv6OnReachesNoServiceOfItsNode(t *testing.T) {
	m := newMachine(t)
	pod := m.pod("a", "1")
	if !hasIPv6() {
		t.Skip("this kernel speaks no IPv6")
	}
	m.command(pod.ns, "sh", "-c", "cd /proc/sys/net/ipv6/conf/eth0; echo 0 > accept_dad; echo 1 > disable_ipv6; echo 0 > disable_ipv6")
	listen6(t, m.node)
	eventually(t, func() bool { return dial6(pod, m.linkLocal()) }) // nothing else keeps it out
	m.apply()
	if dial6(pod, m.linkLocal()) {
		t.Error("the pod reaches its node by IPv6")
	}
}
