package isolation

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"daasvader/k3s/publicnet"
	"daasvader/k3s/wire"
)

// reportCPU tells what the calls took of processors, which is the same on a machine that others use too; of the programs
// that were run, too.
func reportCPU(b *testing.B) (stop func()) {
	before := cpuTime()
	b.ResetTimer()
	return func() { b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N)/1000, "cpu-ms/op") }
}

func cpuTime() (all time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var usage unix.Rusage
		_ = unix.Getrusage(who, &usage)
		all += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return all
}

// benchNetwork has 1,000 pods of 40 namespaces on five nodes, 200 here, each of which a policy allows 100 peers: 20,000 pairs.
func benchNetwork() wire.Network {
	network := wire.Network{
		Self: wire.Self{Range: netip.MustParsePrefix("10.42.0.0/24")}, Peers: map[string]wire.Peer{},
		Namespaces: map[string]wire.Namespace{}, Pods: map[string]wire.Pod{}, Policies: map[string]wire.Policy{},
	}
	var pods []netip.Addr
	for n := range 1000 {
		node, third := "here", n/200
		if third > 0 {
			node = fmt.Sprint("node", third)
			network.Peers[node] = wire.Peer{
				Address: netip.AddrFrom4([4]byte{10, 42, byte(third), 1}), Range: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 42, byte(third), 0}), 24),
			}
		}
		address := netip.AddrFrom4([4]byte{10, 42, byte(third), byte(n%200 + 2)})
		namespace := fmt.Sprint("namespace", n%40)
		network.Namespaces[namespace] = wire.Namespace{Owner: "0xa"}
		network.Pods[address.String()] = wire.Pod{Namespace: namespace, Name: fmt.Sprint(n), Node: node}
		pods = append(pods, address)
	}
	for n := range 200 {
		network.Policies[fmt.Sprint(n)] = wire.Policy{Pods: pods[n : n+1], IsIngress: true, IsEgress: true,
			Ingress: []wire.PolicyRule{{Pods: pods[n*4 : n*4+50]}}, Egress: []wire.PolicyRule{{Pods: pods[n*4 : n*4+50]}}}
	}
	return network
}

// benchmark measures changes of one pod and its policy, or comparisons, in a namespace of their own.
func benchmark(b *testing.B, isCheck bool) {
	with := benchNetwork()
	without := with
	without.Pods, without.Policies = maps.Clone(with.Pods), maps.Clone(with.Policies)
	delete(without.Pods, "10.42.0.2")
	delete(without.Policies, "0")
	i := New(options)
	if err := within(newNamespace(b), func() error {
		i.Update(with)
		if err := i.apply(context.Background(), true); err != nil {
			return err
		}
		defer reportCPU(b)()
		for n := range b.N {
			if i.Update(with); n%2 == 0 && !isCheck {
				i.Update(without)
			}
			if err := i.apply(context.Background(), isCheck); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkChange(b *testing.B) { benchmark(b, false) }
func BenchmarkCheck(b *testing.B)  { benchmark(b, true) }

func BenchmarkFlowsOfAll(b *testing.B) { benchmarkFlows(b, suspects{all: true}) }
func BenchmarkFlowsOfOne(b *testing.B) {
	benchmarkFlows(b, suspects{addresses: map[netip.Addr]bool{netip.MustParseAddr("10.42.0.2"): true}})
}

// BenchmarkLinearRules changes 20,000 pairs that are rules of a chain, which is set as a whole.
func BenchmarkLinearRules(b *testing.B) {
	var rules ruleText
	rules.begin("mangle", "FORWARD")
	for n := range 20000 {
		rules.add("FORWARD -s 10.42.0.%d/32 -d 10.42.%d.%d/32 -j RETURN", n%200+2, n/5000, n%250+2)
	}
	text := rules.end()
	if err := within(newNamespace(b), func() error {
		defer reportCPU(b)()
		for range b.N {
			if _, err := run(context.Background(), text, "iptables-restore", "--wait", "--noflush"); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkConnect opens connections from pod to pod: without rules, by the baseline, and by policies.
func BenchmarkConnect(b *testing.B) {
	m := newLoneMachine(b)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	rounds := func(b *testing.B) {
		defer reportCPU(b)()
		m.in(a1.ns, func() error {
			for range b.N {
				conn, err := net.Dial("tcp4", fmt.Sprintf("%s:%d", a2.address, port))
				if err != nil {
					return err
				}
				conn.(*net.TCPConn).SetLinger(0)
				conn.Close()
			}
			return nil
		})
	}
	b.Run("without-rules", rounds)
	m.apply()
	b.Run("baseline", rounds)
	m.policy("1", wire.Policy{Pods: addresses(a1, a2), IsIngress: true, IsEgress: true,
		Ingress: []wire.PolicyRule{{Pods: addresses(a1), Ports: tcp(port, port)}}, Egress: []wire.PolicyRule{{Pods: addresses(a2), Ports: tcp(port, port)}}})
	m.apply()
	b.Run("policies", rounds)
}

// benchmarkFlows looks through 100,000 connections of 200 pods, none of which is to end.
func benchmarkFlows(b *testing.B, of suspects) {
	s, err := compile(benchNetwork(), options, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := within(newNamespace(b), func() error {
		for n := range 100000 {
			pod, other := net.IP{10, 42, 0, byte(n%200 + 2)}, net.IP{10, 42, 0, byte(n%200 + 2)}
			flow := &netlink.ConntrackFlow{
				FamilyType: unix.AF_INET, TimeOut: 1000,
				Forward: netlink.IPTuple{SrcIP: pod, DstIP: other, SrcPort: uint16(1000 + n/200), DstPort: 80, Protocol: unix.IPPROTO_UDP},
				Reverse: netlink.IPTuple{SrcIP: other, DstIP: pod, SrcPort: 80, DstPort: uint16(1000 + n/200), Protocol: unix.IPPROTO_UDP},
			}
			if err := netlink.ConntrackCreate(netlink.ConntrackTable, unix.AF_INET, flow); err != nil {
				return err
			}
		}
		defer reportCPU(b)()
		for range b.N {
			if ended, err := endRefusedFlows(s, of, nil, publicnet.Local{}); err != nil || ended > 0 {
				return fmt.Errorf("%d ended: %w", ended, err)
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}
