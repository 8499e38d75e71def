package agent

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// widestRoute is the size of the largest private network. A route to more is one to everywhere, or to half of it, as VPNs
// have them; it says nothing of what is at an address.
const widestRoute = 8

// taken is a network that the machine has by itself.
type taken struct {
	network netip.Prefix
	what    string
}

// checkMachine refuses a machine on whose own network are addresses of the cluster: its pods could not reach the cluster's,
// or it could not reach its neighbours.
func (r ranges) checkMachine() error {
	all, err := machineNetworks(&netlink.Handle{})
	if err != nil {
		return fmt.Errorf("Cannot start agent: this machine's routes can't be read: %w", err)
	}
	return r.checkTaken(all)
}

func (r ranges) checkTaken(all []taken) error {
	for _, t := range all {
		for _, own := range []struct {
			network netip.Prefix
			of      string
		}{{r.cluster, "pods"}, {r.service, "Services"}} {
			if own.network.Overlaps(t.network) {
				return fmt.Errorf("Cannot start agent: the cluster has %s for %s, and this machine has %s: it can't take part unless that is changed", own.network, own.of, t.what)
			}
		}
	}
	return nil
}

// machineNetworks are the IPv4 addresses and routes of the machine, but for what an agent made or left behind.
func machineNetworks(h *netlink.Handle) (all []taken, err error) {
	links, err := h.LinkList()
	if err != nil {
		return nil, err
	}
	names := map[int]string{}
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
	}
	addresses, err := h.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		name := names[address.LinkIndex]
		if network, is := prefixOf(address.IPNet); is && !isAgents(name) {
			all = append(all, taken{netip.PrefixFrom(network.Addr(), 32), fmt.Sprintf("the address %s on %s", network.Addr(), name)})
		}
	}
	routes, err := h.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	for _, route := range routes {
		network, is := prefixOf(route.Dst)
		// What has no link leads nowhere, such as what keeps the cluster's addresses from the default route. A route by
		// several ways has its links in these.
		hasLink := route.LinkIndex > 0 || len(route.MultiPath) > 0
		if is && hasLink && network.Bits() >= widestRoute && !isAgents(names[route.LinkIndex]) {
			by := "several ways"
			if len(route.MultiPath) == 0 {
				by = names[route.LinkIndex]
			}
			all = append(all, taken{network.Masked(), fmt.Sprintf("a route to %s by %s", network.Masked(), by)})
		}
	}
	return all, nil
}

// isAgents says whether a link is one that agents put addresses of the cluster on: the overlay's, those of pods, and the
// loopback, which has the DNS address.
func isAgents(link string) bool {
	return link == overlayDevice || link == "lo" || strings.HasPrefix(link, "veth")
}

func prefixOf(network *net.IPNet) (prefix netip.Prefix, is bool) {
	if network == nil {
		return prefix, false // the default route
	}
	address, is := netip.AddrFromSlice(network.IP)
	ones, _ := network.Mask.Size()
	return netip.PrefixFrom(address.Unmap(), ones), is
}
