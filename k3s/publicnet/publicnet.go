// Package publicnet knows which addresses are those of the public internet.
package publicnet

import (
	"net/netip"
	"slices"
)

// special are IPv4's networks that are not of the internet, by IANA's special-purpose registry: this network, private,
// shared (CGNAT), loopback, link-local (with clouds' metadata), protocol assignments, benchmarks, multicast, reserved.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/4"), netip.MustParsePrefix("240.0.0.0/4"),
}

// global6 is all that IANA has given out of IPv6 for the internet; special6 are parts of it that stand for IPv4's.
var (
	global6  = netip.MustParsePrefix("2000::/3")
	special6 = []netip.Prefix{netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2002::/16")}
)

// Special returns IPv4's networks that are not of the internet.
func Special() []netip.Prefix { return slices.Clone(special) }

// Contains says whether an address is one of the public internet. IPv4's in an IPv6 form are not.
func Contains(address netip.Addr) bool {
	holds := func(prefix netip.Prefix) bool { return prefix.Contains(address) }
	if address.Is6() {
		return global6.Contains(address) && !slices.ContainsFunc(special6, holds)
	}
	return address.IsValid() && !slices.ContainsFunc(special, holds)
}
