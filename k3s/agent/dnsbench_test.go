package agent

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"daasvader/k3s/wire"
)

const (
	benchServices  = 1_000
	benchEndpoints = 100
)

// largeNetwork is of one owner with many Services, one of which is headless, and of one pod that asks.
func largeNetwork() wire.Network {
	n := wire.Network{
		Self:           wire.Self{Range: netip.MustParsePrefix("127.0.1.0/24")},
		Namespaces:     map[string]wire.Namespace{"team-a": {Owner: "0xa"}, "team-b": {Owner: "0xb"}},
		Pods:           map[string]wire.Pod{"127.0.1.2": {Namespace: "team-a", Name: "one", Node: testNode}},
		Services:       map[string]corev1.Service{},
		EndpointSlices: map[string]discoveryv1.EndpointSlice{},
	}
	for i := range benchServices {
		name := fmt.Sprintf("web-%d", i)
		n.Services["team-a/"+name] = proxiedService(name, fmt.Sprintf("127.2.%d.%d", i/250, i%250+1))
		n.EndpointSlices["team-a/"+name+"-1"] = sliceOf(name, "127.0.1.2", "127.0.2.2")
	}
	theirs := proxiedService("web", "127.3.0.1")
	theirs.ObjectMeta = metav1.ObjectMeta{Namespace: "team-b", Name: "web"}
	n.Services["team-b/web"] = theirs
	n.Services["team-a/db"] = proxiedService("db", corev1.ClusterIPNone)
	var addresses []string
	for i := range benchEndpoints {
		addresses = append(addresses, fmt.Sprintf("127.0.3.%d", i+2))
	}
	n.EndpointSlices["team-a/db-1"] = sliceOf("db", addresses...)
	return n
}

// BenchmarkDNS asks over UDP as fast as answers come, beside a server that only answers.
func BenchmarkDNS(b *testing.B) {
	server, names := newTestDNS(b)
	names.update(largeNetwork())
	for name, question := range map[string]string{
		"Service":        "web-7.team-a.svc.cluster.local.",
		"Headless100":    "db.team-a.svc.cluster.local.",
		"OtherOwners":    "web.team-b.svc.cluster.local.",
		"SearchedInVain": "www.daasvader.net.team-a.svc.cluster.local.",
	} {
		b.Run(name, func(b *testing.B) { askOnAndOn(b, server, question) })
	}
	b.Run("BareServer", func(b *testing.B) { askOnAndOn(b, bareServer(b), "web-7.team-a.svc.cluster.local.") })
}

// BenchmarkNamesOfNetwork is what a change of the network costs.
func BenchmarkNamesOfNetwork(b *testing.B) {
	network := largeNetwork()
	for b.Loop() {
		newNames(network, nil)
	}
}

func askOnAndOn(b *testing.B, server, name string) {
	b.SetParallelism(8)
	b.RunParallel(func(p *testing.PB) {
		conn, err := (&net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP("127.0.1.2")}}).Dial("udp", server)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		question, err := new(dns.Msg).SetQuestion(name, dns.TypeA).SetEdns0(4096, false).Pack()
		if err != nil {
			b.Error(err)
			return
		}
		answer := make([]byte, 64<<10)
		for p.Next() {
			if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
				b.Error(err)
				return
			}
			if _, err := conn.Write(question); err != nil {
				b.Error(err)
				return
			}
			if _, err := conn.Read(answer); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "questions/s")
}

func bareServer(b *testing.B) string {
	b.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		answer := new(dns.Msg).SetReply(r)
		answer.Answer = append(answer.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}, A: net.IPv4(127, 2, 0, 8),
		})
		w.WriteMsg(answer)
	})}
	go server.ActivateAndServe()
	b.Cleanup(func() { server.Shutdown() })
	return packets.LocalAddr().String()
}
