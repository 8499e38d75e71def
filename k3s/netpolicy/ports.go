package netpolicy

import (
	"fmt"
	"math"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"daasvader/k3s/wire"
)

// ports are those of one rule.
type ports struct {
	// isAll: the rule names none.
	isAll  bool
	ranges []wire.PortRange
	named  []namedPort
}

// namedPort is the port that each receiver calls so.
type namedPort struct {
	name     string
	protocol corev1.Protocol
}

// portsOf leaves out what the API would not have taken.
func portsOf(entries []networkingv1.NetworkPolicyPort) (p ports) {
	p.isAll = len(entries) == 0
	for _, entry := range entries {
		protocol := corev1.ProtocolTCP
		if entry.Protocol != nil {
			protocol = *entry.Protocol
		}
		switch {
		case protocol != corev1.ProtocolTCP && protocol != corev1.ProtocolUDP && protocol != corev1.ProtocolSCTP:
		case entry.Port != nil && entry.Port.Type == intstr.String:
			if entry.EndPort == nil {
				p.named = append(p.named, namedPort{entry.Port.StrVal, protocol})
			}
		default:
			if first, last := numbersOf(entry); 1 <= first && first <= last && last <= math.MaxUint16 {
				p.ranges = append(p.ranges, wire.PortRange{Protocol: protocol, First: uint16(first), Last: uint16(last)})
			}
		}
	}
	return p
}

func numbersOf(entry networkingv1.NetworkPolicyPort) (first, last int32) {
	switch {
	case entry.Port == nil && entry.EndPort == nil:
		return 1, math.MaxUint16
	case entry.Port == nil:
		return 0, 0
	case entry.EndPort == nil:
		return entry.Port.IntVal, entry.Port.IntVal
	default:
		return entry.Port.IntVal, *entry.EndPort
	}
}

// on is what the ports are on a receiver; isAny says whether there are any.
func (p ports) on(pod Pod) (ranges []wire.PortRange, isAny bool) {
	ranges = slices.Clone(p.ranges)
	for _, named := range p.named {
		ranges = append(ranges, named.on(pod)...)
	}
	return compact(ranges), p.isAll || len(ranges) > 0
}

func (n namedPort) on(pod Pod) (ranges []wire.PortRange) {
	for _, port := range pod.Ports {
		protocol := port.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		if port.Name == n.name && protocol == n.protocol && 1 <= port.ContainerPort && port.ContainerPort <= math.MaxUint16 {
			number := uint16(port.ContainerPort)
			ranges = append(ranges, wire.PortRange{Protocol: protocol, First: number, Last: number})
		}
	}
	return ranges
}

func compact(ranges []wire.PortRange) []wire.PortRange {
	slices.SortFunc(ranges, func(a, b wire.PortRange) int {
		if a.Protocol != b.Protocol {
			return strings.Compare(string(a.Protocol), string(b.Protocol))
		}
		return (int(a.First)-int(b.First))<<16 + int(a.Last) - int(b.Last)
	})
	return slices.Compact(ranges)
}

// group is pods on which named ports are the same.
type group struct {
	// resolution says what they are; it is empty where no port has a name.
	resolution string
	pods       []Pod
}

// groupByPorts is in the order of the pods.
func groupByPorts(pods []Pod, named []namedPort) (groups []group) {
	index := map[string]int{}
	for _, pod := range pods {
		resolution := ""
		for _, port := range named {
			resolution += fmt.Sprintln(port, compact(port.on(pod)))
		}
		at, isKnown := index[resolution]
		if !isKnown {
			at = len(groups)
			index[resolution] = at
			groups = append(groups, group{resolution: resolution})
		}
		groups[at].pods = append(groups[at].pods, pod)
	}
	return groups
}
