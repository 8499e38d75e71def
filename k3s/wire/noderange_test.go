package wire

import (
	"net/netip"
	"testing"
)

func TestANodesRangeIsOneOfTheClusters(t *testing.T) {
	for text, want := range map[string]bool{
		"10.112.0.0/24": true, "10.127.255.0/24": true,
		"10.112.0.0/25": false, "10.112.0.0/12": false, "10.112.0.1/24": false, "10.128.0.0/24": false, "0.0.0.0/0": false,
		"fd00::/24": false, "::ffff:10.112.0.0/120": false,
	} {
		if IsNodeRange(netip.MustParsePrefix(text), netip.MustParsePrefix("10.112.0.0/12")) != want {
			t.Errorf("%s: %v, want %v", text, !want, want)
		}
	}
	narrow := netip.MustParsePrefix("10.112.0.0/25")
	if IsNodeRange(netip.Prefix{}, narrow) || IsNodeRange(netip.MustParsePrefix("10.112.0.0/24"), narrow) {
		t.Error("no range, or one that is wider than the cluster, is a node's")
	}
}
