package wire

import "net/netip"

const (
	// RangeBits is the size of a node's range: 254 addresses for the 110 pods of a node, so that a /12 is for 4,096 nodes.
	RangeBits = 24
	// RelayPort is where nodes relay for each other and what they send from, in UDP between own addresses.
	RelayPort = 51821
)

// IsNodeRange says whether a network can be the range of a node's pods in a cluster.
func IsNodeRange(r, cluster netip.Prefix) bool {
	return r.Addr().Is4() && r.Bits() == RangeBits && r == r.Masked() && RangeBits >= cluster.Bits() && cluster.Contains(r.Addr())
}

// IsForPods says whether an address is one that a pod can have in a node's range: neither the first of all, nor the next,
// which is the node's own, nor the last.
func IsForPods(address netip.Addr, r netip.Prefix) bool {
	first := r.Masked().Addr()
	return r.Contains(address) && address != first && address != first.Next() && r.Contains(address.Next())
}

// RangeOf is the range that an address is in.
func RangeOf(address netip.Addr) netip.Prefix { return netip.PrefixFrom(address, RangeBits).Masked() }

// OwnAddress is the node's in its range: the first, from which it speaks to other nodes.
func OwnAddress(r netip.Prefix) netip.Addr { return r.Addr().Next() }
