package netpolicy

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// reference answers for one pair of pods at a time what documentation says of NetworkPolicies, straight from the objects.
type reference struct {
	namespaces []Namespace
	policies   map[string][]*networkingv1.NetworkPolicy
}

// end is a pod with its namespace; without a namespace it is an address outside.
type end struct {
	Pod
	namespace *Namespace
}

func (r reference) mayTalk(from, to end, protocol corev1.Protocol, port int32) bool {
	if to.namespace != nil && from.namespace.Owner != to.namespace.Owner {
		return false
	}
	isClose := to.namespace == nil || from.namespace.Name == to.namespace.Name || from.namespace.Owner == ""
	sends := r.judge(from, networkingv1.PolicyTypeEgress, isClose, func(policy *networkingv1.NetworkPolicy) bool {
		return slices.ContainsFunc(policy.Spec.Egress, func(rule networkingv1.NetworkPolicyEgressRule) bool {
			return anyPeer(rule.To, from, to, isClose) && anyPort(rule.Ports, to, protocol, port)
		})
	})
	if !sends || to.namespace == nil {
		return sends
	}
	return r.judge(to, networkingv1.PolicyTypeIngress, isClose, func(policy *networkingv1.NetworkPolicy) bool {
		return slices.ContainsFunc(policy.Spec.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool {
			return anyPeer(rule.From, to, from, isClose) && anyPort(rule.Ports, to, protocol, port)
		})
	})
}

// judge asks all policies of a pod for a direction; without any, the baseline holds.
func (r reference) judge(pod end, direction networkingv1.PolicyType, baseline bool, allows func(*networkingv1.NetworkPolicy) bool) bool {
	isSelected := false
	for _, policy := range r.policies[pod.namespace.Name] {
		types := policy.Spec.PolicyTypes
		if types == nil {
			if types = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}; policy.Spec.Egress != nil {
				types = append(types, networkingv1.PolicyTypeEgress)
			}
		}
		if !slices.Contains(types, direction) || !hasLabels(policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		if allows(policy) {
			return true
		}
		isSelected = true
	}
	return !isSelected && baseline
}

func anyPeer(peers []networkingv1.NetworkPolicyPeer, subject, other end, isClose bool) bool {
	if len(peers) == 0 {
		return true
	}
	for _, peer := range peers {
		switch {
		case peer.IPBlock != nil:
			if isClose && inBlock(peer.IPBlock, other.Address) {
				return true
			}
		case other.namespace == nil:
		default:
			inNamespace := other.namespace.Name == subject.namespace.Name
			if peer.NamespaceSelector != nil {
				inNamespace = hasLabels(*peer.NamespaceSelector, other.namespace.Labels)
			}
			if inNamespace && (peer.PodSelector == nil || hasLabels(*peer.PodSelector, other.Labels)) {
				return true
			}
		}
	}
	return false
}

func inBlock(block *networkingv1.IPBlock, address netip.Addr) bool {
	for _, except := range block.Except {
		if netip.MustParsePrefix(except).Contains(address) {
			return false
		}
	}
	return netip.MustParsePrefix(block.CIDR).Contains(address)
}

func anyPort(ports []networkingv1.NetworkPolicyPort, receiver end, protocol corev1.Protocol, number int32) bool {
	if len(ports) == 0 {
		return true
	}
	for _, port := range ports {
		wanted := corev1.ProtocolTCP
		if port.Protocol != nil {
			wanted = *port.Protocol
		}
		if wanted != protocol {
			continue
		}
		switch {
		case port.Port == nil:
			return true
		case port.Port.Type == intstr.String:
			for _, has := range receiver.Ports {
				if has.Name == port.Port.StrVal && has.Protocol == protocol && has.ContainerPort == number {
					return true
				}
			}
		case port.EndPort != nil:
			if port.Port.IntVal <= number && number <= *port.EndPort {
				return true
			}
		case port.Port.IntVal == number:
			return true
		}
	}
	return false
}

func hasLabels(selector metav1.LabelSelector, labels map[string]string) bool {
	for key, value := range selector.MatchLabels {
		if has, isThere := labels[key]; !isThere || has != value {
			return false
		}
	}
	for _, wanted := range selector.MatchExpressions {
		has, isThere := labels[wanted.Key]
		isIn := isThere && slices.Contains(wanted.Values, has)
		var isMet bool
		switch wanted.Operator {
		case metav1.LabelSelectorOpIn:
			isMet = isIn
		case metav1.LabelSelectorOpNotIn:
			isMet = !isIn
		case metav1.LabelSelectorOpExists:
			isMet = isThere
		case metav1.LabelSelectorOpDoesNotExist:
			isMet = !isThere
		}
		if !isMet {
			return false
		}
	}
	return true
}
