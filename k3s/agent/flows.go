package agent

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// endRefusedFlows makes the kernel forget the connections of pods that the rules of now would not let begin: rules let
// pass what is established, and an address may have become another namespace's, or the rules have been away.
func endRefusedFlows(podCIDR, clusterDNS string, namespaces map[string][]string) error {
	refused, err := newRefusedFlows(podCIDR, clusterDNS, namespaces)
	if err != nil {
		return err
	}
	if _, err := netlink.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, refused); err != nil {
		return fmt.Errorf("Cannot end connections that isolation refuses: %w", err)
	}
	return nil
}

// refusedFlows matches the connections that isolation would not let begin.
type refusedFlows struct {
	pods netip.Prefix
	// node is the address from which the node itself speaks to pods: ptp gives it the range's first.
	node, dns  netip.Addr
	namespaces map[netip.Addr]string
}

func newRefusedFlows(podCIDR, clusterDNS string, namespaces map[string][]string) (*refusedFlows, error) {
	pods, err := netip.ParsePrefix(podCIDR)
	if err != nil {
		return nil, err
	}
	dns, err := netip.ParseAddr(clusterDNS)
	if err != nil {
		return nil, err
	}
	r := &refusedFlows{pods: pods, node: pods.Masked().Addr().Next(), dns: dns, namespaces: map[netip.Addr]string{}}
	for namespace, addresses := range namespaces {
		for _, text := range addresses {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, err
			}
			r.namespaces[address] = namespace
		}
	}
	return r, nil
}

// MatchConntrackFlow reads the end that was reached, which a Service's address only stands for, off the answers.
func (r *refusedFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	to, _ := netip.AddrFromSlice(flow.Reverse.SrcIP)
	from, to = from.Unmap(), to.Unmap()
	if !r.pods.Contains(from) && !r.pods.Contains(to) || from == r.node || to == r.dns {
		return false
	}
	sender, known := r.namespaces[from]
	receiver := r.namespaces[to]
	return !known || sender != receiver
}
