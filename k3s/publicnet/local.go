package publicnet

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// minConnected is the widest network that counts as one that the machine stands in: some VPNs route halves of the internet
// through a link as if it stood in them.
const minConnected = 8

// Local is where a machine stands, whose addresses may be public ones.
type Local struct {
	// Addresses are the machine's own, Connected the networks that its links lead to.
	Addresses []netip.Addr
	Connected []netip.Prefix
}

// ReadLocal asks the kernel. Networks behind links that are skipped are not of it.
func ReadLocal(skips func(link string) bool) (l Local, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return l, fmt.Errorf("Cannot read the machine's links: %w", err)
	}
	skipped := map[int]bool{}
	for _, link := range links {
		skipped[link.Attrs().Index] = skips(link.Attrs().Name)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return l, fmt.Errorf("Cannot read the machine's addresses: %w", err)
	}
	for _, address := range addresses {
		if own, ok := netip.AddrFromSlice(address.IP); ok {
			l.Addresses = append(l.Addresses, own.Unmap())
		}
		l.connect(address.IPNet, skipped[address.LinkIndex])
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return l, fmt.Errorf("Cannot read the machine's routes: %w", err)
	}
	for _, route := range routes {
		l.connect(route.Dst, route.Scope != netlink.SCOPE_LINK || skipped[route.LinkIndex])
	}
	return l, nil
}

// connect adds a network, unless it is skipped or too wide.
func (l *Local) connect(network *net.IPNet, isSkipped bool) {
	if network == nil || isSkipped {
		return
	}
	address, ok := netip.AddrFromSlice(network.IP)
	bits, _ := network.Mask.Size()
	prefix := netip.PrefixFrom(address.Unmap(), bits).Masked()
	if ok && prefix.IsValid() && bits >= minConnected && !slices.Contains(l.Connected, prefix) {
		l.Connected = append(l.Connected, prefix)
	}
}

// Contains says whether an address is the machine's own or of a network that it is connected with.
func (l Local) Contains(address netip.Addr) bool {
	return slices.Contains(l.Addresses, address) ||
		slices.ContainsFunc(l.Connected, func(network netip.Prefix) bool { return network.Contains(address) })
}
