package isolation

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"daasvader/k3s/publicnet"
)

// minConnected is the widest network that counts as one that the machine stands in: some VPNs route halves of the internet
// through a link as if it stood in them.
const minConnected = 8

// machineNetworks are where a machine stands: its own addresses, and the networks that it is connected with.
type machineNetworks struct {
	addresses []netip.Addr
	connected []netip.Prefix
}

// readMachineNetworks leaves out the links to pods and the overlay.
func readMachineNetworks(o Options) (m machineNetworks, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return m, fmt.Errorf("Cannot read the machine's links: %w", err)
	}
	isPods := map[int]bool{}
	for _, link := range links {
		name := link.Attrs().Name
		isPods[link.Attrs().Index] = name == o.OverlayDevice || strings.HasPrefix(name, strings.TrimSuffix(podLinks, "+"))
	}
	addresses, err := netlink.AddrList(nil, unix.AF_INET)
	if err != nil {
		return m, fmt.Errorf("Cannot read the machine's addresses: %w", err)
	}
	for _, address := range addresses {
		if own, ok := netip.AddrFromSlice(address.IP.To4()); ok {
			m.addresses = append(m.addresses, own)
		}
	}
	routes, err := netlink.RouteList(nil, unix.AF_INET)
	if err != nil {
		return m, fmt.Errorf("Cannot read the machine's routes: %w", err)
	}
	for _, route := range routes {
		network, ok := prefixOf(route.Dst)
		if ok && route.Scope == netlink.SCOPE_LINK && !isPods[route.LinkIndex] && network.Bits() >= minConnected {
			m.connected = append(m.connected, network)
		}
	}
	return m, nil
}

func prefixOf(network *net.IPNet) (netip.Prefix, bool) {
	if network == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(network.IP.To4())
	bits, _ := network.Mask.Size()
	return netip.PrefixFrom(address, bits).Masked(), ok
}

// refused are all networks that pods never reach.
func (m machineNetworks) refused(o Options) []netip.Prefix {
	all := slices.Concat(publicnet.Special(), m.connected, o.Refused)
	for _, address := range m.addresses {
		all = append(all, netip.PrefixFrom(address, 32))
	}
	return all
}
