package isolation

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// endRefusedFlows makes the kernel forget the connections of pods that the rules of now would not let begin, and those of
// pods that have gone: rules let pass what is established, and an address may have become another pod's.
func endRefusedFlows(s *state, gone map[netip.Addr]bool, m machineNetworks) (ended uint, err error) {
	handle, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return 0, fmt.Errorf("Cannot read connections: %w", err)
	}
	defer handle.Close()
	ended, err = handle.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, &refusedFlows{s, gone, m})
	if err != nil {
		return ended, fmt.Errorf("Cannot end connections that isolation refuses: %w", err)
	}
	return ended, nil
}

// refusedFlows matches the connections that isolation would not let begin.
type refusedFlows struct {
	state   *state
	gone    map[netip.Addr]bool
	machine machineNetworks
}

// MatchConntrackFlow reads the end that was reached, which a Service's address only stands for, off the answers.
func (r *refusedFlows) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	from, _ := netip.AddrFromSlice(flow.Forward.SrcIP)
	reached, _ := netip.AddrFromSlice(flow.Reverse.SrcIP)
	from, reached = from.Unmap(), reached.Unmap()
	if !r.state.cluster.Contains(from) && !r.state.cluster.Contains(reached) {
		return false
	}
	to := end{reached, flow.Forward.Protocol, flow.Reverse.SrcPort}
	return r.gone[from] || r.gone[reached] || !r.state.allows(from, to, r.machine)
}
