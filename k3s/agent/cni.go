package agent

import (
	_ "embed"
	"os"
)

// podMTU is of pods' links: what fits through the overlay on any path but unusual ones, whose routes have less.
const podMTU = 1280

//go:embed cni.conflist
var cniTemplate string

// writeCNIConfig gives each pod a link of its own to the node, which routes between them: so all that a pod sends
// passes the node's rules. With a bridge, pods of a node would see each other below them.
// Where the kernel speaks IPv6, that link does not.
func writeCNIConfig(o *Options, podCIDR string) error {
	return writeTemplate(o.path("cni", "net.d", "10-k3s.conflist"), cniTemplate, map[string]any{
		"Networks": o.path("cni", "networks"),
		"PodCIDR":  podCIDR,
		"MTU":      podMTU,
		"IPv6":     hasIPv6(),
	})
}

// hasIPv6 says whether this kernel speaks IPv6 at all.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6/conf")
	return err == nil
}
