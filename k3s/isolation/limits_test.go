package isolation

import (
	"fmt"
	"net"
	"testing"
	"time"
)

func TestPodHasOnlySoManyConnectionsAtOnce(t *testing.T) {
	m := newMachine(t)
	a, b := m.pod("a", "1"), m.pod("b", "1")
	m.apply()
	m.in(a.ns, func() error {
		for port := range connectionsPerAddress + 500 {
			if err := sendFrom(10000+port, a.address, internet); err != nil {
				return err
			}
		}
		return nil
	})
	m.expect(reach{a, internet, false}, reach{b, internet, true})
	m.apply()
	if drops := m.isolation.mangle.drops.reasons()["connections"]; drops < 500 {
		t.Errorf("%d packets were dropped", drops)
	}
	if have := m.lines("conntrack", "-L", "-s", a.address); have > connectionsPerAddress || have < connectionsPerAddress-100 {
		t.Errorf("the pod has %d connections", have)
	}
}

func TestQuestionsForNamesAreNoConnections(t *testing.T) {
	m := newMachine(t)
	a := m.pod("a", "1")
	m.apply()
	m.in(a.ns, func() error {
		for range connectionsPerAddress + 100 {
			conn, err := net.Dial("udp4", dns+":53")
			if err != nil {
				return err
			}
			err = echo(conn)
			conn.Close()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if have := m.lines("conntrack", "-L", "-s", a.address); have > 0 {
		t.Errorf("the pod has %d connections", have)
	}
}

func sendFrom(port int, from, to string) error {
	conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from), Port: port}, &net.UDPAddr{IP: net.ParseIP(to), Port: 9})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte("x"))
	return err
}

func TestOtherNodeHasOnlySoManyConnectionsHere(t *testing.T) {
	m := newMachine(t)
	a, b := m.pod("a", "1"), m.pod("a", "2")
	pods := []testPod{m.farPod("a", "10.42.1.5"), m.farPod("a", "10.42.1.6")}
	m.apply()
	// On a busy machine, to open so many takes longer than the kernel's 30 s after which nobody has answered the first.
	m.command(m.node, "sysctl", "-qw", "net.netfilter.nf_conntrack_udp_timeout=600")
	m.in(m.far, func() error {
		for port := range connectionsPerNode/2 + 500 {
			for _, pod := range pods {
				if err := sendFrom(10000+port, pod.address, a.address); err != nil {
					return err
				}
			}
		}
		return nil
	})
	m.expect(reach{pods[0], b.address, false}, reach{b, a.address, true}, reach{b, internet, true})
}

func TestPodHasOnlySoMuchBandwidthEachWay(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.apply()
	for _, way := range []struct{ from, to testPod }{{a1, testPod{m.router, internet}}, {testPod{m.node, ""}, a2}} {
		before := m.isolation.mangle.drops.reasons()["bandwidth"]
		m.in(way.from.ns, func() error { return m.flood(way.to.address, before) })
	}
}

// flood sends packets until some are dropped for their number.
func (m *machine) flood(to string, before uint64) error {
	conn, err := net.Dial("udp4", fmt.Sprintf("%s:9", to))
	if err != nil {
		return err
	}
	defer conn.Close()
	packet := make([]byte, 60000)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		for range 4000 { // 240 MB
			conn.Write(packet) // refused, now and then: nobody listens
		}
		m.apply()
		if m.isolation.mangle.drops.reasons()["bandwidth"] > before {
			return nil
		}
	}
	return fmt.Errorf("%s gets as much as is sent", to)
}
