package agent

import (
	"context"
	"net/netip"
	"slices"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/dnsutil"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	"github.com/miekg/dns"

	"daasvader/k3s/publicnet"
)

// publicNames is a plugin of CoreDNS that answers, of what the machine's own resolver says, only what is about the public
// internet: pods learn nothing of the network that the machine stands in, neither by name nor by address.
type publicNames struct{ next plugin.Handler }

// privateDomains nobody serves on the internet: RFC 2606, 6761, 6762, 7686, 9476, ICANN's `internal`, and usual ones.
var privateDomains = []string{
	"alt", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "onion",
	"private", "test",
}

func (p publicNames) Name() string { return "publicnames" }

func (p publicNames) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	if len(r.Question) != 1 || !isPublicName(r.Question[0].Name) {
		return refuseName(w, r)
	}
	answer := nonwriter.New(w)
	code, err := plugin.NextOrFailure(p.Name(), p.next, ctx, answer, r)
	if err != nil || answer.Msg == nil {
		return code, err
	}
	if slices.ContainsFunc(slices.Concat(answer.Msg.Answer, answer.Msg.Ns, answer.Msg.Extra), tellsPrivateAddress) {
		// The name may have public addresses of the other family. musl asks for both, and takes one "no such name" for both.
		return dns.RcodeSuccess, w.WriteMsg(new(dns.Msg).SetReply(r))
	}
	return code, w.WriteMsg(answer.Msg)
}

// refuseName says that there is no such name: a resolver that is told "refused" asks again and again.
func refuseName(w dns.ResponseWriter, r *dns.Msg) (int, error) {
	return dns.RcodeNameError, w.WriteMsg(new(dns.Msg).SetRcode(r, dns.RcodeNameError))
}

// isPublicName says whether a name can be one of the internet: it has a dot and a public last label, or asks who has a
// public address.
func isPublicName(name string) bool {
	labels := dns.SplitDomainName(dns.CanonicalName(name))
	if len(labels) < 2 {
		return false
	}
	last := labels[len(labels)-1]
	if last != "arpa" {
		return !slices.Contains(privateDomains, last)
	}
	address, err := netip.ParseAddr(dnsutil.ExtractAddressFromReverse(dns.CanonicalName(name)))
	return err == nil && publicnet.Contains(address)
}

func tellsPrivateAddress(record dns.RR) bool {
	var address []byte
	switch record := record.(type) {
	case *dns.A:
		address = record.A.To4()
	case *dns.AAAA:
		address = record.AAAA
	case *dns.SVCB, *dns.HTTPS:
		return true // they carry addresses too; who asks goes on with A
	default:
		return false
	}
	parsed, ok := netip.AddrFromSlice(address)
	return !ok || !publicnet.Contains(parsed)
}
