package agent

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"daasvader/k3s/wire"
)

// dnsNetwork has two owners with a web Service each, one of them headless with a named pod, and an open namespace.
const dnsNetwork = `{"version":"1","reset":true,"self":{"range":"127.0.1.0/24","key":"","challenge":""},
"namespaces":{"set":{"team-a":{"owner":"0xa"},"team-a2":{"owner":"0xa"},"team-b":{"owner":"0xb"},"default":{},"ops":{}}},
"pods":{"set":{
	"127.0.1.2":{"namespace":"team-a","name":"a","node":"worker-1"},
	"127.0.1.3":{"namespace":"team-b","name":"b","node":"worker-1"},
	"127.0.1.4":{"namespace":"ops","name":"o","node":"worker-1"},
	"127.0.1.5":{"namespace":"gone","name":"g","node":"worker-1"},
	"127.0.2.2":{"namespace":"team-a","name":"a2","node":"worker-2"}}},
"services":{"set":{
	"default/kubernetes":{"metadata":{"namespace":"default","name":"kubernetes"},"spec":{"clusterIP":"127.1.0.1","ports":[{"name":"https","port":443,"protocol":"TCP"}]}},
	"default/other":{"metadata":{"namespace":"default","name":"other"},"spec":{"clusterIP":"127.1.0.2","ports":[{"port":80,"protocol":"TCP"}]}},
	"team-a/web":{"metadata":{"namespace":"team-a","name":"web"},"spec":{"clusterIP":"127.1.0.3","ports":[{"name":"http","port":80,"protocol":"TCP"}]}},
	"team-a2/db":{"metadata":{"namespace":"team-a2","name":"db"},"spec":{"clusterIP":"None","ports":[{"name":"sql","port":5432,"protocol":"TCP"}]}},
	"team-b/web":{"metadata":{"namespace":"team-b","name":"web"},"spec":{"clusterIP":"127.1.0.4","ports":[{"port":80,"protocol":"TCP"}]}},
	"ops/far":{"metadata":{"namespace":"ops","name":"far"},"spec":{"type":"ExternalName","externalName":"web.team-b.svc.cluster.local"}}}},
"endpointSlices":{"set":{
	"team-a2/db-1":{"metadata":{"namespace":"team-a2","name":"db-1","labels":{"kubernetes.io/service-name":"db"}},"addressType":"IPv4",
		"ports":[{"name":"sql","port":5432,"protocol":"TCP"}],
		"endpoints":[{"addresses":["127.0.2.7"],"hostname":"db-0","conditions":{"ready":true}},{"addresses":["127.0.2.8"],"conditions":{"ready":false}}]}}}}`

// newTestDNS serves names on a loopback address, where every address of 127.0.0.0/8 is a pod's to ask from.
func newTestDNS(t testing.TB, upstream ...string) (address string, names *clusterNames) {
	t.Helper()
	n := &network{check: networkCheck{node: testNode, ranges: ranges{
		cluster: netip.MustParsePrefix("127.0.0.0/16"), service: netip.MustParsePrefix("127.1.0.0/16"),
	}}}
	if err := n.take([]byte(strings.ReplaceAll(dnsNetwork, `"key":"","challenge":""`, `"key":"`+key(1).String()+`","challenge":"`+key(2).String()+`"`))); err != nil {
		t.Fatal(err)
	}
	names = newClusterNames(testNode, netip.MustParseAddr("127.1.0.10"))
	now, _ := n.newest()
	names.update(now)
	server, err := newDNS("127.1.0.10:0", names, upstream)
	if err != nil {
		t.Fatal(err)
	}
	packets, err := server.ListenPacket()
	if err != nil {
		t.Fatal(err)
	}
	go server.ServePacket(packets)
	t.Cleanup(func() { server.Stop() })
	return packets.LocalAddr().String(), names
}

// ask asks for a name from an address.
func ask(t testing.TB, server, from, name string, kind uint16) *dns.Msg {
	t.Helper()
	client := dns.Client{Timeout: 5 * time.Second, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, kind), server)
	if err != nil {
		t.Fatalf("%s from %s: %v", name, from, err)
	}
	return answer
}

// said is an answer in short: what follows the type of each record, or the code.
func said(m *dns.Msg) string {
	if m.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[m.Rcode]
	}
	var all []string
	for _, record := range m.Answer {
		all = append(all, strings.TrimPrefix(record.String(), record.Header().String()))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestPodLearnsTheNamesOfItsOwnersNamespaces(t *testing.T) {
	server, _ := newTestDNS(t)
	const a, b, open, unknown, remote, stranger, node = "127.0.1.2", "127.0.1.3", "127.0.1.4", "127.0.1.5", "127.0.2.2", "127.9.9.9", "127.1.0.10"
	for _, test := range []struct {
		from, name string
		kind       uint16
		wanted     string
	}{
		{a, "web.team-a.svc.cluster.local.", dns.TypeA, "127.1.0.3"},
		{a, "WEB.Team-A.svc.cluster.local.", dns.TypeA, "127.1.0.3"},
		{a, "db.team-a2.svc.cluster.local.", dns.TypeA, "127.0.2.7"},
		{a, "db-0.db.team-a2.svc.cluster.local.", dns.TypeA, "127.0.2.7"},
		{a, "_sql._tcp.db.team-a2.svc.cluster.local.", dns.TypeSRV, "0 100 5432 db-0.db.team-a2.svc.cluster.local."},
		{a, "_http._tcp.web.team-a.svc.cluster.local.", dns.TypeSRV, "0 100 80 web.team-a.svc.cluster.local."},
		{a, "3.0.1.127.in-addr.arpa.", dns.TypePTR, "web.team-a.svc.cluster.local."},
		{a, "7.2.0.127.in-addr.arpa.", dns.TypePTR, "db-0.db.team-a2.svc.cluster.local."},
		{a, "kubernetes.default.svc.cluster.local.", dns.TypeA, "127.1.0.1"},
		{a, "web.team-a.svc.cluster.local.", dns.TypeAAAA, ""},

		{a, "web.team-b.svc.cluster.local.", dns.TypeA, "NXDOMAIN"},
		{a, "team-b.svc.cluster.local.", dns.TypeA, "NXDOMAIN"},
		{a, "other.default.svc.cluster.local.", dns.TypeA, "NXDOMAIN"},
		{b, "db-0.db.team-a2.svc.cluster.local.", dns.TypeA, "NXDOMAIN"},
		{b, "_sql._tcp.db.team-a2.svc.cluster.local.", dns.TypeSRV, "NXDOMAIN"},
		{b, "web.team-b.svc.cluster.local.", dns.TypeA, "127.1.0.4"},
		{open, "other.default.svc.cluster.local.", dns.TypeA, "127.1.0.2"},
		{open, "web.team-a.svc.cluster.local.", dns.TypeA, "NXDOMAIN"},
		{open, "far.ops.svc.cluster.local.", dns.TypeA, ""}, // it leads to what they do not see
		{node, "other.default.svc.cluster.local.", dns.TypeA, "127.1.0.2"},
		{a, "cluster.local.", dns.TypeAXFR, "REFUSED"},

		{remote, "web.team-a.svc.cluster.local.", dns.TypeA, "REFUSED"},
		{stranger, "kubernetes.default.svc.cluster.local.", dns.TypeA, "REFUSED"},
		{stranger, "example.com.", dns.TypeA, "REFUSED"},
		{unknown, "other.default.svc.cluster.local.", dns.TypeA, "REFUSED"},
	} {
		if got := said(ask(t, server, test.from, test.name, test.kind)); got != test.wanted {
			t.Errorf("%s %s from %s: %q, not %q", dns.TypeToString[test.kind], test.name, test.from, got, test.wanted)
		}
	}
}

func TestAddressesOfOthersHaveNoNames(t *testing.T) {
	resolver := newUpstream(t)
	server, _ := newTestDNS(t, resolver)
	for _, name := range []string{"3.0.1.127.in-addr.arpa.", "7.2.0.127.in-addr.arpa."} {
		if got := said(ask(t, server, "127.0.1.3", name, dns.TypePTR)); got != "NXDOMAIN" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAnswersHoldForFiveSeconds(t *testing.T) {
	server, _ := newTestDNS(t)
	if answer := ask(t, server, "127.0.1.2", "web.team-a.svc.cluster.local.", dns.TypeA); answer.Answer[0].Header().Ttl != 5 {
		t.Errorf("the answer is %v", answer)
	}
}

func TestNamesOfTheInternetAreAskedForAndRemembered(t *testing.T) {
	resolver := newUpstream(t)
	server, _ := newTestDNS(t, resolver)
	for _, from := range []string{"127.0.1.2", "127.0.1.3"} {
		if got := said(ask(t, server, from, "www.daasvader.net.", dns.TypeA)); got != "203.0.113.1" {
			t.Errorf("from %s: %q", from, got)
		}
	}
}

// newUpstream is a resolver that knows an address for every name, a new one each time.
func newUpstream(t *testing.T) string {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	asked := 0
	server := &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		answer := new(dns.Msg).SetReply(r)
		if r.Question[0].Qtype == dns.TypeA && r.Question[0].Name != "." {
			mu.Lock()
			asked++
			record, _ := dns.NewRR(fmt.Sprintf("%s 60 IN A 203.0.113.%d", r.Question[0].Name, asked))
			mu.Unlock()
			answer.Answer = append(answer.Answer, record)
		}
		w.WriteMsg(answer)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return packets.LocalAddr().String()
}

func TestQuestionOfAPodThatHasJustBegunWaits(t *testing.T) {
	server, names := newTestDNS(t)
	answers := make(chan string)
	go func() {
		answers <- said(ask(t, server, "127.0.1.77", "web.team-a.svc.cluster.local.", dns.TypeA))
	}()
	time.Sleep(50 * time.Millisecond)
	before, _ := names.names.get()
	after := before.network
	after.Pods = map[string]wire.Pod{"127.0.1.77": {Namespace: "team-a", Name: "new", Node: testNode}}
	names.update(after)
	if got := <-answers; got != "127.1.0.3" {
		t.Errorf("it was told %q", got)
	}
}

func TestOnePodsQuestionsKeepNobodyElseWaiting(t *testing.T) {
	server, names := newTestDNS(t)
	flood, other := netip.MustParseAddr("127.0.1.2"), "127.0.1.3"
	for range maxQuestions {
		names.begin(flood)
	}
	if got := said(ask(t, server, flood.String(), "web.team-a.svc.cluster.local.", dns.TypeA)); got != "REFUSED" {
		t.Errorf("one too many is told %q", got)
	}
	if got := said(ask(t, server, other, "web.team-b.svc.cluster.local.", dns.TypeA)); got != "127.1.0.4" {
		t.Errorf("the other is told %q", got)
	}
	for range maxQuestions {
		names.end(flood)
	}
	waitFor(t, "every asker to be forgotten", func() error { // the other one's question ends after its answer
		names.mu.Lock()
		defer names.mu.Unlock()
		if len(names.questions) != 0 {
			return fmt.Errorf("%d are remembered", len(names.questions))
		}
		return nil
	})
}
