package netpolicy

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"

	"daasvader/k3s/wire"
)

// maxEntries bounds what one policy may become on one node in one direction, where every pod that it applies to has an
// entry for every peer and every port. It is enough for 110 pods, as many as a kubelet runs, that 200 others, as many as a
// tenant has, may reach at 10 ports. A direction of more allows nothing at all.
const maxEntries = 1 << 18

// allowance is a rule with its peers found; its ports may still have names.
type allowance struct {
	pods  []Pod
	nets  []netip.Prefix
	ports ports
}

// direction is ingress or egress of a policy.
type direction struct {
	own        Namespace
	known      []Namespace
	allowances []allowance
	// entries are the peers so far; beyond maxEntries no more are looked for.
	entries int
}

func (d *direction) add(peers []peer, entries []networkingv1.NetworkPolicyPort, nets []netip.Prefix) {
	if d.entries > maxEntries {
		return
	}
	a := allowance{allowedPods(peers, d.own, d.known), nets, portsOf(entries)}
	d.allowances = append(d.allowances, a)
	d.entries += len(a.pods) + len(a.nets)
}

// named are the ports that a receiver has to resolve.
func (d *direction) named() (all []namedPort) {
	for _, a := range d.allowances {
		all = append(all, a.ports.named...)
	}
	return all
}

// ingressOf are the rules for what a pod receives.
func (d *direction) ingressOf(receiver Pod) (rules []wire.PolicyRule) {
	for _, a := range d.allowances {
		if ranges, isAny := a.ports.on(receiver); isAny && len(a.pods) > 0 {
			rules = append(rules, wire.PolicyRule{Pods: addressesOf(a.pods), Ports: ranges})
		}
	}
	return rules
}

// egress are the rules for what pods send, whichever of them it is.
func (d *direction) egress() (rules []wire.PolicyRule) {
	for _, a := range d.allowances {
		for _, group := range groupByPorts(a.pods, a.ports.named) {
			if ranges, isAny := a.ports.on(group.pods[0]); isAny {
				rules = append(rules, wire.PolicyRule{Pods: addressesOf(group.pods), Ports: ranges})
			}
		}
		if len(a.nets) > 0 && (a.ports.isAll || len(a.ports.ranges) > 0) {
			rules = append(rules, wire.PolicyRule{Nets: a.nets, Ports: a.ports.ranges})
		}
	}
	return rules
}

// entriesOf is how many entries rules become for one pod.
func entriesOf(rules []wire.PolicyRule) (entries int) {
	for _, rule := range rules {
		entries += (len(rule.Pods) + len(rule.Nets)) * max(1, len(rule.Ports))
	}
	return entries
}
