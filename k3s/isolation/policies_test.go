package isolation

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/publicnet"
	"daasvader/k3s/wire"
)

func addresses(pods ...testPod) (all []netip.Addr) {
	for _, pod := range pods {
		all = append(all, pod.addr())
	}
	return all
}

func networks(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func tcp(first, last uint16) []wire.PortRange {
	return []wire.PortRange{{Protocol: corev1.ProtocolTCP, First: first, Last: last}}
}

// judged expects of the kernel and of the verdict on connections that are open what it is told.
func (m *machine) judged(all ...reach) {
	m.t.Helper()
	m.expect(all...)
	for _, r := range all {
		to := netip.AddrPortFrom(netip.Addr{}, port)
		if address, err := netip.ParseAddr(r.to); err == nil {
			to = netip.AddrPortFrom(address, port)
		} else {
			to = netip.MustParseAddrPort(r.to)
		}
		if m.isolation.state.allows(r.from.addr(), end{to.Addr(), unix.IPPROTO_TCP, to.Port()}, m.isolation.machine) != r.reached {
			m.t.Errorf("the verdict on %s to %s is %v, want %v", r.from.address, to, !r.reached, r.reached)
		}
	}
}

func TestIngressPoliciesAddUpAndNothingElseComesIn(t *testing.T) {
	m := newMachine(t)
	web, near, other, stranger := m.pod("a", "web"), m.pod("a", "near"), m.pod("a2", "other"), m.pod("b", "stranger")
	away, awayOther := m.farPod("a", "10.42.1.5"), m.farPod("a2", "10.42.1.6")
	m.policy("in", wire.Policy{Pods: addresses(web), IsIngress: true, Ingress: []wire.PolicyRule{
		{Pods: addresses(near), Ports: tcp(port, port)},
		{Pods: addresses(other, stranger, awayOther)}, // a stranger's is not to be opened, whatever is said
		{Nets: networks("0.0.0.0/0")},                 // and nothing is of the internet
	}})
	m.policy("more", wire.Policy{Pods: addresses(web), IsIngress: true, Ingress: []wire.PolicyRule{
		{Pods: addresses(away), Ports: append(tcp(1, 65535), wire.PortRange{Protocol: corev1.ProtocolUDP, First: 53, Last: 53})},
	}})
	m.policy("out", wire.Policy{Pods: addresses(other), IsEgress: true, Egress: []wire.PolicyRule{{Pods: addresses(web)}}})
	m.apply()
	second := fmt.Sprintf("%s:%d", web.address, port+1)
	m.judged(
		reach{near, web.address, true}, reach{near, second, false},
		reach{other, web.address, true}, reach{other, second, true}, reach{stranger, web.address, false},
		reach{away, web.address, true}, reach{away, second, true}, reach{awayOther, web.address, true},
		reach{web, near.address, true}, reach{web, internet, true}, reach{web, web.address, true},
		reach{near, away.address, true}, reach{testPod{m.far, far}, web.address, false},
	)
	m.expect(reach{testPod{m.router, routerAddress}, web.address, false}, reach{testPod{m.node, nodeAddress}, second, true})
}

func TestEgressPoliciesAddUpAndNothingElseGoesOut(t *testing.T) {
	m := newMachine(t)
	client, near, other := m.pod("a", "client"), m.pod("a", "near"), m.pod("a2", "other")
	away := m.farPod("a", "10.42.1.5")
	m.policy("out", wire.Policy{Pods: addresses(client), IsEgress: true, Egress: []wire.PolicyRule{
		{Pods: addresses(near, other), Ports: tcp(port, port)},
		{Nets: networks("8.0.0.0/8", "192.168.0.0/16", "10.0.0.0/8", "169.254.0.0/16"), Ports: tcp(1, 9000)},
	}})
	m.apply()
	m.judged(
		reach{client, near.address, true}, reach{client, near.address + ":8081", false}, reach{client, away.address, false},
		reach{client, other.address, false}, // whose own side has the baseline
		reach{client, internet, true}, reach{client, internet + ":25", false},
		reach{client, routerAddress, false}, reach{client, metadata, false}, reach{client, dns + ":53", true},
		reach{near, client.address, true}, reach{near, internet, true},
	)
	m.policy("in", wire.Policy{Pods: addresses(other), IsIngress: true, Ingress: []wire.PolicyRule{{Pods: addresses(client)}}})
	m.change()
	m.judged(reach{client, other.address, true}, reach{other, client.address, false})
	m.policy("all", wire.Policy{Pods: addresses(client), IsEgress: true, Egress: []wire.PolicyRule{{Nets: networks("0.0.0.0/0")}}})
	m.change()
	m.judged(
		reach{client, internet, true}, reach{client, internet + ":25", false}, reach{client, away.address, false},
		reach{client, near.address + ":8081", false}, reach{client, routerAddress, false}, reach{client, "10.42.0.1", false},
	)
	delete(m.network.Policies, "out")
	delete(m.network.Policies, "all")
	m.change()
	m.judged(reach{client, away.address, true}, reach{client, other.address, false})
}

func TestNarrowNetworkOfOnePodTakesNothingFromAnother(t *testing.T) {
	m := newMachine(t)
	wide, narrow, none := m.pod("a", "1"), m.pod("a", "2"), m.pod("a", "3") // of one block
	m.policy("1", wire.Policy{Pods: addresses(wide), IsEgress: true, Egress: []wire.PolicyRule{{Nets: networks("0.0.0.0/0")}}})
	m.policy("2", wire.Policy{Pods: addresses(narrow), IsEgress: true, Egress: []wire.PolicyRule{{Nets: networks(internet + "/32")}}})
	m.policy("3", wire.Policy{Pods: addresses(none), IsEgress: true, Egress: []wire.PolicyRule{{Nets: networks("8.8.0.0/22")}}})
	m.apply()
	m.judged(reach{wide, internet, true}, reach{narrow, internet, true}, reach{none, internet, false})
}

func TestWholeProtocolsAreApart(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.policy("1", wire.Policy{Pods: addresses(a2), IsIngress: true, Ingress: []wire.PolicyRule{
		{Pods: addresses(a1), Ports: []wire.PortRange{{Protocol: corev1.ProtocolUDP, First: 1, Last: 65535}}},
	}})
	m.apply()
	m.judged(reach{a1, a2.address, false})
	m.dialUDP(a1, a2.address)
	if within(a1.ns, func() error { return ping(a2.address) }) == nil {
		t.Error("ICMP passes with UDP")
	}
	m.policy("1", wire.Policy{Pods: addresses(a2), IsIngress: true, Ingress: []wire.PolicyRule{{Pods: addresses(a1)}}})
	m.change()
	m.in(a1.ns, func() error { return ping(a2.address) })
}

func TestWhatIsBeyondAPodsEntriesIsRefused(t *testing.T) {
	pod := netip.MustParseAddr("10.42.0.5")
	network := wire.Network{
		Self:       wire.Self{Range: netip.MustParsePrefix("10.42.0.0/24")},
		Namespaces: map[string]wire.Namespace{"a": {Owner: "0xa"}},
		Pods:       map[string]wire.Pod{pod.String(): {Namespace: "a", Name: "1", Node: "here"}},
		Policies: map[string]wire.Policy{"1": {Pods: []netip.Addr{pod}, IsEgress: true, Egress: []wire.PolicyRule{
			{Nets: networks("8.0.0.0/8", "9.0.0.0/8"), Ports: tcp(10000, 19999)},
		}}},
	}
	s, err := compile(network, options, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if have := len(s.sets[outPorts]); have > maxEntries || have < maxEntries-2 || s.excess != 20000-have {
		t.Errorf("%d entries, %d in excess", have, s.excess)
	}
	if s.allows(pod, end{netip.MustParseAddr("9.9.9.9"), unix.IPPROTO_TCP, 19999}, publicnet.Local{}) {
		t.Error("what is in excess is allowed")
	}
}

// Whose policies say the same again and again, in ranges that are hardly others, keeps the node from no other change.
func TestRepeatedPortsCostNoMoreThanAPodsEntries(t *testing.T) {
	pod := netip.MustParseAddr("10.42.0.5")
	s := newState(netip.MustParsePrefix("10.42.0.0/24"), options)
	s.pods[pod] = podInfo{namespace: "a", owner: "0xa", isLocal: true}
	d := &direction{s, outBase, outPorts, outBlocks, map[netip.Addr]int{}}
	first, network := uint16(10000), netip.MustParsePrefix("8.0.0.0/8")
	for last := first; last < first+1000; last++ {
		d.allow(pod, network, tcp(first, last))
	}
	if have := len(s.sets[outPorts]); have >= 200 || d.used[pod] != maxEntries {
		t.Errorf("%d ports of %d entries, want as many ranges as have %d together", have, d.used[pod], maxEntries)
	}
}

func TestRangeThatIsNotOfTheClusterIsRefused(t *testing.T) {
	for _, text := range []string{"10.42.0.0/23", "192.168.0.0/24", "10.42.0.5/24", "fd00::/24"} {
		if _, err := compile(wire.Network{Self: wire.Self{Range: netip.MustParsePrefix(text)}}, options, nil, nil); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestNetworkWithoutAHole(t *testing.T) {
	for _, c := range []struct{ network, hole, parts string }{
		{"8.0.0.0/8", "10.0.0.0/8", "[8.0.0.0/8]"},
		{"10.0.0.0/8", "10.0.0.0/8", "[]"},
		{"10.1.0.0/16", "10.0.0.0/8", "[]"},
		{"8.0.0.0/6", "10.0.0.0/8", "[8.0.0.0/7 11.0.0.0/8]"},
		{"8.1.2.3/6", "11.0.0.0/8", "[8.0.0.0/7 10.0.0.0/8]"},
		{"0.0.0.0/0", "128.0.0.0/1", "[0.0.0.0/1]"},
		{"::/0", "10.0.0.0/8", "[]"},
	} {
		if parts := fmt.Sprint(without(netip.MustParsePrefix(c.network), netip.MustParsePrefix(c.hole))); parts != c.parts {
			t.Errorf("%s without %s: %s, want %s", c.network, c.hole, parts, c.parts)
		}
	}
}
