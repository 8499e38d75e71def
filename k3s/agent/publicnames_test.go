package agent

import (
	"net"
	"testing"

	"github.com/miekg/dns"
)

// lan is a resolver as they stand in networks: it knows some addresses, private ones among them.
var lan = map[string]string{
	"web.example.org.":                     "A 93.184.216.34",
	"rebind.example.org.":                  "A 192.168.1.1",
	"metadata.example.org.":                "A 169.254.169.254",
	"shared.example.org.":                  "A 100.64.1.1",
	"loopback.example.org.":                "A 127.0.0.1",
	"six.example.org.":                     "AAAA 2606:2800:220:1::1",
	"ula.example.org.":                     "AAAA fd00::1",
	"mapped.example.org.":                  "AAAA ::ffff:192.168.1.1",
	"nat64.example.org.":                   "AAAA 64:ff9b::192.168.1.1",
	"text.example.org.":                    "TXT hello",
	"alias.example.org.":                   "CNAME rebind.example.org.",
	"nas.lan.":                             "A 93.184.216.34",
	"NAS.LOCAL.":                           "A 93.184.216.34",
	"nas.":                                 "A 93.184.216.34",
	"router.home.arpa.":                    "A 93.184.216.34",
	"1.1.168.192.in-addr.arpa.":            "PTR router.example.org.",
	"34.216.184.93.in-addr.arpa.":          "PTR web.example.org.",
	"b._dns-sd._udp.168.192.in-addr.arpa.": "PTR a.example.org.",
}

func TestPodsAreToldPublicNamesAndAddressesOnly(t *testing.T) {
	told := map[string]bool{
		"web.example.org.": true, "six.example.org.": true, "text.example.org.": true, "34.216.184.93.in-addr.arpa.": true,
	}
	server, _ := newTestDNS(t, startLAN(t))
	for name, record := range lan {
		rr, err := dns.NewRR(name + " 60 IN " + record)
		if err != nil {
			t.Fatal(err)
		}
		answer := ask(t, server, "127.0.1.2", name, rr.Header().Rrtype)
		if (len(answer.Answer) > 0) != told[name] {
			t.Errorf("%s: answered %v", name, answer.Answer)
		}
		if isMissing := answer.Rcode == dns.RcodeNameError; isMissing == isPublicName(name) {
			t.Errorf("%s: %s; a name that may have other addresses is there, another is not", name, dns.RcodeToString[answer.Rcode])
		}
	}
}

// startLAN answers each question with the one record of its name, and what an alias leads to.
func startLAN(t *testing.T) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		answer := new(dns.Msg).SetReply(r)
		for name := r.Question[0].Name; lan[name] != ""; {
			rr, _ := dns.NewRR(name + " 60 IN " + lan[name])
			answer.Answer = append(answer.Answer, rr)
			alias, ok := rr.(*dns.CNAME)
			if !ok {
				break
			}
			name = alias.Target
		}
		w.WriteMsg(answer)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return conn.LocalAddr().String()
}
