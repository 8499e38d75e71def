package agent

import (
	"net/netip"
	"strings"
	"testing"

	"daasvader/k3s/wire"
)

func TestRangesThatCannotWorkAreRefused(t *testing.T) {
	for _, test := range []struct{ flag, says string }{
		{"--cluster-cidr=", "not an IPv4 network"},
		{"--cluster-cidr=10.42.0.0", "not an IPv4 network"},
		{"--cluster-cidr=10.42.0.1/16", "not an IPv4 network"},
		{"--service-cidr=fd00::/108", "not an IPv4 network"},
		{"--service-cidr=::ffff:10.43.0.0/112", "not an IPv4 network"},
		{"--cluster-cidr=10.32.0.0/12", "overlap"},
	} {
		if _, err := ParseOptions(arguments(t, test.flag)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want %q", test.flag, err, test.says)
		}
	}
}

func TestWhatTheServerSaysMustLieInTheAttestedRanges(t *testing.T) {
	ranges := options(t).ranges
	for pods, isFine := range map[string]bool{
		"10.42.0.0/24": true, "10.42.255.0/24": true,
		"10.42.0.0/16": false, "10.43.0.0/24": false, "10.32.0.0/12": false, "0.0.0.0/0": false, "8.8.8.0/24": false, "fd00::/64": false,
	} {
		check := networkCheck{ranges: ranges}
		if err := check.self(&wire.Self{Range: netip.MustParsePrefix(pods)}); (err == nil) != isFine {
			t.Errorf("pods in %q: error is %v", pods, err)
		}
	}
	for dns, isFine := range map[string]bool{
		"10.43.0.10": true, "10.42.0.10": false, "192.168.1.1": false, "127.0.0.1": false, "::1": false, "": false,
	} {
		if err := ranges.checkDNS(dns); (err == nil) != isFine {
			t.Errorf("DNS at %q: error is %v", dns, err)
		}
	}
}
