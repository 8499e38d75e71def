package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	chainPrefix = "K3S-ISOLATE-"
	// markMask selects the bits of a packet's mark that hold its sender's namespace; kube-proxy uses the lower ones.
	markMask  = 0xffff0000
	markShift = 16
)

// isolationRules returns, in the format of iptables-restore, what passes between pods and what between pods and their
// node. The mangle table sees packets after services are resolved and before any other rule can accept them:
//
//	-s address of a pod      → mark with the number of its namespace
//	-d address of a pod      → accept when the mark is that of its namespace
//	from or to the pod range → drop
func isolationRules(podCIDR, clusterDNS string, namespaces map[string][]string) string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	forward, input := chainPrefix+"FORWARD", chainPrefix+"INPUT"
	line("*mangle")
	line(":%s - [0:0]", forward)
	line(":%s - [0:0]", input)
	line("-A %s -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", forward)
	line("-A %s -j MARK --set-xmark 0x0/%#x", forward, markMask) // what a packet came with says nothing
	names := slices.Sorted(maps.Keys(namespaces))
	for i, name := range names {
		for _, address := range slices.Sorted(slices.Values(namespaces[name])) {
			line("-A %s -s %s -j MARK --set-xmark %#x/%#x", forward, address, mark(i), markMask)
		}
	}
	for i, name := range names {
		for _, address := range slices.Sorted(slices.Values(namespaces[name])) {
			line("-A %s -d %s -m mark --mark %#x/%#x -j RETURN", forward, address, mark(i), markMask)
		}
	}
	line("-A %s -s %s -j DROP", forward, podCIDR)
	line("-A %s -d %s -j DROP", forward, podCIDR)
	line("-A %s -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", input)
	for _, protocol := range []string{"udp", "tcp"} {
		line("-A %s -d %s -p %s --dport 53 -j RETURN", input, clusterDNS, protocol)
	}
	line("-A %s -s %s -j DROP", input, podCIDR)
	line("COMMIT")
	return out.String()
}

// mark numbers namespaces from 1: 0 is nobody's.
func mark(index int) int { return (index + 1) << markShift }
