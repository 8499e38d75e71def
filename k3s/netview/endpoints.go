package netview

import (
	"net/netip"
	"slices"
	"strings"

	"daasvader/k3s/wire"
)

// IsEndpoint says whether a node may state an endpoint: where a machine can be, which is not within the cluster's own
// networks.
func (v *Views) IsEndpoint(endpoint netip.AddrPort) bool {
	address := endpoint.Addr()
	if endpoint.Port() == 0 || !address.Is4() || !v.isOutside(address) {
		return false
	}
	first := address.As4()[0]
	return first > 0 && first < 240 // this network, and what is reserved (RFC 6890)
}

// Endpoints are those that a node states.
func (v *Views) Endpoints(node string) []netip.AddrPort {
	v.mu.Lock()
	defer v.mu.Unlock()
	if n := v.nodes[node]; n != nil {
		return n.endpoints
	}
	return nil
}

// FormatEndpoints writes endpoints as the value of EndpointsAnnotation.
func FormatEndpoints(endpoints []netip.AddrPort) string {
	parts := make([]string, len(endpoints))
	for i, endpoint := range endpoints {
		parts[i] = endpoint.String()
	}
	return strings.Join(parts, ",")
}

// endpointsIn reads what FormatEndpoints wrote; it is nothing if any part of it is no endpoint.
func (v *Views) endpointsIn(text string) []netip.AddrPort {
	var endpoints []netip.AddrPort
	for _, part := range strings.Split(text, ",") {
		endpoint, err := netip.ParseAddrPort(part)
		if err != nil || !v.IsEndpoint(endpoint) {
			return nil
		}
		endpoints = append(endpoints, endpoint)
	}
	return endpoints
}

// IsCanonical says whether a key is written as the numbers that keys are, below 2^255-19 (RFC 7748): others are further
// names of the same keys.
func IsCanonical(key wire.WireGuardKey) bool {
	prime := wire.WireGuardKey{0xed}
	for i := 1; i < len(prime)-1; i++ {
		prime[i] = 0xff
	}
	prime[len(prime)-1] = 0x7f
	slices.Reverse(prime[:])
	slices.Reverse(key[:])
	return slices.Compare(key[:], prime[:]) < 0
}
