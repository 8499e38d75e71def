package agent

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	chainPrefix = "K3S-ISOLATE-"
	// podLinks are the node's ends of the links to pods, as the CNI plugin ptp names them. A link of that name that is a
	// bridge's port, as Docker's are, is none to these rules: what comes through it, comes from the bridge.
	podLinks = "veth+"
	// markMask selects the bits of a packet's mark that hold its sender's namespace; kube-proxy uses the lower ones.
	markMask  = 0xffff0000
	markShift = 16
)

// closed ends the chains: what nothing before has let pass, no pod sends and none gets.
var closed = []string{
	"-A " + chainPrefix + "FORWARD -i " + podLinks + " -j DROP",
	"-A " + chainPrefix + "FORWARD -o " + podLinks + " -j DROP",
	"-A " + chainPrefix + "INPUT -i " + podLinks + " -j DROP",
}

// isolationRules returns, in the format of iptables-restore, what passes between pods and what between pods and their
// node; without namespaces and DNS address, that is nothing. The mangle table sees packets after services are resolved
// and before any other rule can accept them:
//
//	from a pod's link, -s address of a pod → mark with the number of its namespace
//	-d address of a pod                    → accept when the mark is that of its namespace
//	from or to a pod's link                → drop
func isolationRules(clusterDNS string, namespaces map[string][]string) string {
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
			line("-A %s -s %s -i %s -j MARK --set-xmark %#x/%#x", forward, address, podLinks, mark(i), markMask)
		}
	}
	for i, name := range names {
		for _, address := range slices.Sorted(slices.Values(namespaces[name])) {
			line("-A %s -d %s -m mark --mark %#x/%#x -j RETURN", forward, address, mark(i), markMask)
		}
	}
	line("-A %s -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN", input)
	if clusterDNS != "" {
		for _, protocol := range []string{"udp", "tcp"} {
			line("-A %s -d %s -i %s -p %s --dport 53 -j RETURN", input, clusterDNS, podLinks, protocol)
		}
		line("-A %s -d %s ! -i lo -j DROP", input, clusterDNS) // the machine's network asks for no names here
	}
	line("%s", strings.Join(closed, "\n"))
	line("COMMIT")
	return out.String()
}

// ipv6Rules let nothing pass from or to a pod, neighbour discovery and router advertisements included: pods have IPv4 only.
const ipv6Rules = `*mangle
:` + chainPrefix + `PREROUTING - [0:0]
:` + chainPrefix + `POSTROUTING - [0:0]
-A ` + chainPrefix + `PREROUTING -i ` + podLinks + ` -j DROP
-A ` + chainPrefix + `POSTROUTING -o ` + podLinks + ` -j DROP
COMMIT
`

// mark numbers namespaces from 1: 0 is nobody's.
func mark(index int) int { return (index + 1) << markShift }
