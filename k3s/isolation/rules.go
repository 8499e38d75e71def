package isolation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"daasvader/k3s/pulls"
	"daasvader/k3s/wire"
)

const (
	chainPrefix = "K3S-ISOLATE-"
	// podLinks are the node's ends of the links to pods, as the CNI plugin ptp names them. A link of that name that is a
	// bridge's port, as Docker's are, is none to these rules: what comes through it, comes from the bridge.
	podLinks = "veth+"
	// connectionsPerAddress is how many connections a pod of this node may have open at once, and connectionsPerNode how many
	// the pods of another node together with those of this one. The kernel's table has 262,144 on a machine of 4 GiB.
	connectionsPerAddress = 4096
	connectionsPerNode    = 16384
	// bandwidth is of each pod and way: 1 Gbit/s, and at once what fits in two seconds of it. (Of a burst that is no multiple of
	// the rate, iptables shows one that it does not take back.)
	bandwidth      = "125mb/s"
	bandwidthBurst = "250mb"
)

// closed is what nothing opens: no pod sends, and none gets. It is part of all rules.
var closed = []string{
	"FORWARD -i " + podLinks + " -j " + chainPrefix + "EGRESS",
	"FORWARD -o " + podLinks + " " + drop("outside"),
	"EGRESS " + drop("policy"),
	"INPUT -i " + podLinks + " " + drop("node"),
	"OUTPUT -d " + pulls.Address + "/32 -j RETURN",
	"OUTPUT -d 127.0.0.0/8 -m conntrack --ctstate NEW " + ownerIsPuller + " " + drop("pulls"),
}

// ownerIsPuller matches what the program that pulls images sends: registries may lead it to services of the machine.
var ownerIsPuller = fmt.Sprintf("-m owner --gid-owner %d --suppl-groups", pulls.Group)

// drop names the reason, under which the kernel counts.
func drop(reason string) string { return "-m comment --comment " + reason + " -j DROP" }

// closedRules are those of a node that knows of no network.
func closedRules() string {
	var r ruleText
	r.begin("mangle", "PREROUTING", "FORWARD", "INPUT", "OUTPUT", "POSTROUTING", "EGRESS", "INGRESS", "ALLOW")
	for _, rule := range closed {
		r.add("%s", rule)
	}
	return r.end()
}

// isClosed says whether rules of ours, whoever they let pass, drop the rest.
func isClosed(live string) bool {
	return !slices.ContainsFunc(closed, func(rule string) bool {
		return !strings.Contains(live, "-A "+chainPrefix+rule+"\n")
	})
}

// mangleRules returns, in the format of iptables-restore, what passes between pods, the overlay, the internet and the node.
// They never change while the node has its range: whoever comes and goes does so in the sets. The mangle table sees packets
// after Services are resolved and before any other rule can accept them:
//
//	PREROUTING   who sends is who it says, and not more than it may
//	FORWARD      what is established passes; else EGRESS judges what leaves a pod, and then INGRESS what comes to one
//	INPUT        pods ask the node for names, and for nothing else
//	OUTPUT       what pulls images asks no service of the machine
//	POSTROUTING  what is of the cluster and leads nowhere stays here
func mangleRules(o Options, own netip.Prefix) string {
	var r ruleText
	r.begin("mangle", "PREROUTING", "FORWARD", "INPUT", "OUTPUT", "POSTROUTING", "EGRESS", "INGRESS", "ALLOW")
	overlay := o.OverlayDevice

	r.add("PREROUTING -i lo -j RETURN")
	r.add("PREROUTING -i %s -m rpfilter --invert %s", podLinks, drop("spoofed")) // its address leads to another link
	r.add("PREROUTING -i %s -m set ! --match-set %s src %s", overlay, kinds[remote].name, drop("stranger"))
	r.add("PREROUTING -i %s -m hashlimit --hashlimit-above %s --hashlimit-burst %s --hashlimit-mode srcip --hashlimit-name k3s-out %s",
		podLinks, bandwidth, bandwidthBurst, drop("bandwidth"))
	for _, of := range []struct {
		link       string
		most, bits int
	}{{podLinks, connectionsPerAddress, 32}, {overlay, connectionsPerNode, own.Bits()}} {
		r.add("PREROUTING -i %s -m conntrack --ctstate NEW -m connlimit --connlimit-above %d --connlimit-mask %d --connlimit-saddr %s",
			of.link, of.most, of.bits, drop("connections"))
		r.add("PREROUTING -i %s -j RETURN", of.link)
	}
	r.add("PREROUTING -s %s %s", o.Cluster, drop("spoofed")) // from the machine's own networks

	r.add("FORWARD -i %s -m conntrack --ctstate INVALID %s", podLinks, drop("invalid"))
	r.add("FORWARD -o %s -m conntrack --ctstate INVALID %s", podLinks, drop("invalid"))
	r.add("FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN")
	r.add("%s", closed[0])
	r.add("FORWARD -i %s -o %s -g %sINGRESS", podLinks, podLinks, chainPrefix)
	r.add("FORWARD -i %s -o %s -g %sINGRESS", overlay, podLinks, chainPrefix)
	r.add("%s", closed[1])
	r.add("FORWARD -i %s %s", overlay, drop("transit"))
	r.add("FORWARD -i %s -j RETURN", podLinks)
	r.add("FORWARD -o %s %s", overlay, drop("transit"))

	r.addEgress(o, own)
	r.addIngress(own)
	r.add("ALLOW -j MARK --set-xmark 0x0/%#x", markMask)

	r.add("INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN")
	for _, protocol := range []string{"udp", "tcp"} {
		r.add("INPUT -d %s -i %s -p %s --dport 53 -j RETURN", o.DNS, podLinks, protocol)
	}
	r.add("INPUT -d %s ! -i lo %s", o.DNS, drop("outside")) // the machine's network asks for no names here
	r.add("%s", closed[3])
	r.add("INPUT -i %s -p udp --dport %d -m set --match-set %s src -j RETURN", overlay, wire.RelayPort, kinds[nodes].name)
	r.add("INPUT -i %s %s", overlay, drop("node"))
	r.add("INPUT -d %s ! -i lo %s", o.Cluster, drop("outside"))

	r.add("%s", closed[4])
	r.add("%s", closed[5])

	r.add("POSTROUTING -o lo -j RETURN")
	r.add("POSTROUTING -o %s -m hashlimit --hashlimit-above %s --hashlimit-burst %s --hashlimit-mode dstip --hashlimit-name k3s-in %s",
		podLinks, bandwidth, bandwidthBurst, drop("bandwidth"))
	r.add("POSTROUTING -o %s -j RETURN", podLinks)
	r.add("POSTROUTING -o %s -j RETURN", overlay)
	r.add("POSTROUTING -d %s %s", o.Cluster, drop("unrouted"))
	r.add("POSTROUTING -d %s %s", o.Service, drop("unserved"))
	return r.end()
}

// natRules let pods speak to the internet from the machine's address.
func natRules(o Options) string {
	var r ruleText
	r.begin("nat", "POSTROUTING")
	r.add("POSTROUTING -m set ! --match-set %s src -j RETURN", kinds[local].name)
	r.add("POSTROUTING -d %s -j RETURN", o.Cluster)
	r.add("POSTROUTING -j MASQUERADE --random-fully")
	return r.end()
}

// rawRules let questions for names, each from a port of its own, take nobody's room among the connections.
func rawRules(o Options) string {
	var r ruleText
	r.begin("raw", "PREROUTING", "OUTPUT")
	r.add("PREROUTING -i %s -d %s -p udp -m udp --dport 53 -j CT --notrack", podLinks, o.DNS)
	r.add("OUTPUT -o %s -s %s -p udp -m udp --sport 53 -j CT --notrack", podLinks, o.DNS)
	return r.end()
}

// emptyNatRules ask no set.
func emptyNatRules() string {
	var r ruleText
	r.begin("nat", "POSTROUTING")
	return r.end()
}

// mangleRules6 let nothing pass from or to a pod, neighbour discovery and router advertisements included: pods have IPv4 only.
func mangleRules6() string {
	var r ruleText
	r.begin("mangle", "PREROUTING", "OUTPUT", "POSTROUTING")
	r.add("PREROUTING -i %s -j DROP", podLinks)
	r.add("OUTPUT -d ::1/128 %s -j DROP", ownerIsPuller)
	r.add("POSTROUTING -o %s -j DROP", podLinks)
	return r.end()
}

// addEgress judges what pods of this node begin to send. Nobody's policy opens what comes before policies.
func (r *ruleText) addEgress(o Options, own netip.Prefix) {
	r.add("EGRESS -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN %s", drop("unopened")) // of what was ended, or never began
	r.add("EGRESS -m set ! --match-set %s src %s", kinds[local].name, drop("unknown"))
	r.add("EGRESS -d %s -j RETURN", o.Service) // nobody serves it: kube-proxy says so, or it ends in POSTROUTING
	r.add("EGRESS ! -d %s -m set --match-set %s dst %s", o.Cluster, kinds[refused].name, drop("private"))
	r.add("EGRESS ! -d %s -p tcp -m tcp --dport 25 %s", o.Cluster, drop("smtp"))
	r.add("EGRESS ! -d %s -m set --match-set %s src -g %sALLOW", o.Cluster, kinds[outBase].name, chainPrefix)
	r.addGroup("EGRESS", outBase, "src", "dst")
	r.addPolicies("EGRESS", own, outBlocks, outPorts, "src", "dst")
	r.add("%s", closed[2])
}

// addIngress judges what begins to come to pods of this node, from pods here and elsewhere.
func (r *ruleText) addIngress(own netip.Prefix) {
	r.add("INGRESS -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN %s", drop("unopened"))
	r.add("INGRESS -m set ! --match-set %s dst %s", kinds[local].name, drop("unknown"))
	r.add("INGRESS -m set --match-set %s dst -m set --match-set %s src -g %sALLOW", kinds[inOpen].name, kinds[nodes].name, chainPrefix)
	r.addGroup("INGRESS", inBase, "dst", "src")
	r.addPolicies("INGRESS", own, inBlocks, inPorts, "dst", "src")
	r.add("INGRESS %s", drop("policy"))
}

// addGroup allows pods without policies what is in their group: both numbers, XORed, leave zero.
func (r *ruleText) addGroup(chain string, base setID, pod, other string) {
	r.add("%s -j MARK --set-xmark 0x0/%#x", chain, markMask)
	r.add("%s -j SET --map-set %s %s --map-mark", chain, kinds[groups].name, pod)
	r.add("%s -j SET --map-set %s %s --map-mark", chain, kinds[groups].name, other)
	r.add("%s -m mark --mark 0x0/%#x -m set --match-set %s %s -m set --match-set %s %s -g %sALLOW",
		chain, markMask, kinds[groups].name, other, kinds[base].name, pod, chainPrefix)
}

// addPolicies allows pods what their policies do: the other side's mark in the pod's block, ANDed with the pod's, leaves
// what they may speak; then single ports.
func (r *ruleText) addPolicies(chain string, own netip.Prefix, first, ports setID, pod, other string) {
	r.add("%s -j MARK --set-xmark 0x0/%#x", chain, markMask)
	address := own.Addr()
	for n := range setID(blocks) {
		r.add("%s -%s %s/30 -j SET --map-set %s %s --map-mark", chain, pod[:1], address, kinds[first+n].name, other)
		for range podsPerBlock {
			address = address.Next()
		}
	}
	r.add("%s -j SET --map-set %s %s --map-mark", chain, kinds[local].name, pod)
	r.add("%s -m mark ! --mark 0x0/%#x -g %sALLOW", chain, everyPod(markAll), chainPrefix)
	for _, protocol := range []struct {
		name string
		mark uint32
	}{{"tcp", markTCP}, {"udp", markUDP}, {"sctp", markSCTP}} {
		r.add("%s -p %s -m mark ! --mark 0x0/%#x -g %sALLOW", chain, protocol.name, everyPod(protocol.mark), chainPrefix)
	}
	r.add("%s -m set --match-set %s %s,dst,%s -g %sALLOW", chain, kinds[ports].name, pod, other, chainPrefix)
}

// everyPod says of all four pods of a block what is said of one.
func everyPod(what uint32) (bits uint32) {
	for slot := range uint8(podsPerBlock) {
		bits |= what << podShift(slot)
	}
	return bits
}

// ruleText is what iptables-restore reads.
type ruleText struct{ strings.Builder }

func (r *ruleText) begin(table string, chains ...string) {
	fmt.Fprintf(r, "*%s\n", table)
	for _, chain := range chains {
		fmt.Fprintf(r, ":%s%s - [0:0]\n", chainPrefix, chain)
	}
}

func (r *ruleText) add(format string, args ...any) {
	fmt.Fprintf(r, "-A "+chainPrefix+format+"\n", args...)
}

func (r *ruleText) end() string { return r.String() + "COMMIT\n" }
