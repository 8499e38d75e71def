package publicnet

import (
	"net/netip"
	"testing"
)

func TestOnlyAddressesOfTheInternetArePublic(t *testing.T) {
	for text, public := range map[string]bool{
		"8.8.4.4": true, "1.1.1.1": true, "100.63.255.255": true, "172.32.0.1": true, "192.0.1.1": true, "223.255.255.255": true,
		"0.0.0.0": false, "10.0.0.1": false, "100.64.0.1": false, "127.0.0.1": false, "169.254.169.254": false,
		"172.31.255.255": false, "192.0.0.8": false, "192.168.1.1": false, "198.19.0.1": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false,
		"2606:4700::1": true, "::": false, "::1": false, "::ffff:8.8.4.4": false, "64:ff9b::808:404": false, "fe80::1": false,
		"fd00::1": false, "2001::1": false, "2002:a00:1::1": false, "ff02::1": false,
	} {
		if Contains(netip.MustParseAddr(text)) != public {
			t.Errorf("%s: public %v, want %v", text, !public, public)
		}
	}
	if Contains(netip.Addr{}) {
		t.Error("no address is public")
	}
}
