// Package netpolicy compiles NetworkPolicies into what one node has to enforce of them. It knows no cluster: pods,
// namespaces and policies go in, addresses and ports come out. What a policy can't mean, it does not allow.
package netpolicy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"daasvader/k3s/wire"
)

// Pod is one that lives.
type Pod struct {
	Name    string
	Node    string
	Address netip.Addr
	Labels  map[string]string
	// Ports are those of all of its containers.
	Ports []corev1.ContainerPort
}

// Namespace is one with its pods on all nodes.
type Namespace struct {
	Name string
	// Owner is the tenant's address; empty for the open ones, which count as those of one owner.
	Owner  string
	Labels map[string]string
	Pods   []Pod
}

// Links are the names of the other namespaces of the same owner, among those given, which a policy may open its own to.
func Links(policy *networkingv1.NetworkPolicy, own Namespace, others []Namespace) []string {
	peers := allPeers(policy)
	var names []string
	for _, other := range ofOwner(own, others)[1:] {
		if slices.ContainsFunc(peers, func(p peer) bool { return p.selectsNamespace(own, other) }) {
			names = append(names, other.Name)
		}
	}
	return names
}

// Compile says what a policy means for the pods of its namespace that run on a node. It knows the pods of its own
// namespace and of those in the scope, and allows none of another owner's. The keys are the policy's own, and stay as long
// as what they are about does: there is one for each way in which its named ports resolve on the pods that it applies to.
//
// Nets are not free of the cluster's own networks, which a policy may well cover: they are about the internet only, and
// whoever enforces them must ask them for nothing else.
func Compile(policy *networkingv1.NetworkPolicy, own Namespace, scope []Namespace, node string) map[string]wire.Policy {
	selected := selectedOn(node, policy, own)
	if len(selected) == 0 {
		return nil
	}
	isIngress, isEgress := directions(policy)
	known := ofOwner(own, scope)
	in, out := direction{own: own, known: known}, direction{own: own, known: known}
	if isIngress {
		for _, rule := range policy.Spec.Ingress {
			in.add(peersOf(rule.From), rule.Ports, nil) // nothing from outside gets to a pod
		}
	}
	if isEgress {
		for _, rule := range policy.Spec.Egress {
			peers := peersOf(rule.To)
			out.add(peers, rule.Ports, netsOf(peers))
		}
	}
	compiled := map[string]wire.Policy{}
	for _, group := range groupByPorts(selected, in.named()) {
		compiled[keyOf(policy, group.resolution)] = wire.Policy{
			Pods:      addressesOf(group.pods),
			IsIngress: isIngress,
			IsEgress:  isEgress,
			Ingress:   in.ingressOf(group.pods[0]),
			Egress:    out.egress(),
		}
	}
	closeTooLarge(compiled)
	return compiled
}

// closeTooLarge leaves nothing allowed in a direction that has become more than a node should hold.
func closeTooLarge(compiled map[string]wire.Policy) {
	ingress, egress := 0, 0
	for _, policy := range compiled {
		ingress += len(policy.Pods) * entriesOf(policy.Ingress)
		egress += len(policy.Pods) * entriesOf(policy.Egress)
	}
	for key, policy := range compiled {
		if ingress > maxEntries {
			policy.Ingress = nil
		}
		if egress > maxEntries {
			policy.Egress = nil
		}
		compiled[key] = policy
	}
}

// directions are those that a policy speaks of, by the rule that Kubernetes has for policies that leave it open.
func directions(policy *networkingv1.NetworkPolicy) (isIngress, isEgress bool) {
	types := policy.Spec.PolicyTypes
	if len(types) == 0 {
		return true, len(policy.Spec.Egress) > 0
	}
	return slices.Contains(types, networkingv1.PolicyTypeIngress), slices.Contains(types, networkingv1.PolicyTypeEgress)
}

// ofOwner are the namespaces of one owner, the own one first.
func ofOwner(own Namespace, others []Namespace) []Namespace {
	all := []Namespace{own}
	for _, other := range others {
		if other.Owner == own.Owner && other.Name != own.Name {
			all = append(all, other)
		}
	}
	return all
}

func selectedOn(node string, policy *networkingv1.NetworkPolicy, own Namespace) []Pod {
	matches := selector(&policy.Spec.PodSelector)
	var selected []Pod
	for _, pod := range own.Pods {
		if pod.Node == node && pod.Address.Is4() && matches(pod.Labels) {
			selected = append(selected, pod)
		}
	}
	return selected
}

// keyOf tells apart what a policy means for pods with different ports, without saying what these are.
func keyOf(policy *networkingv1.NetworkPolicy, resolution string) string {
	if resolution == "" {
		return string(policy.UID)
	}
	sum := sha256.Sum256([]byte(resolution))
	return string(policy.UID) + "/" + hex.EncodeToString(sum[:16])
}

// addressesOf is in order and without repetitions.
func addressesOf(pods []Pod) []netip.Addr {
	addresses := make([]netip.Addr, 0, len(pods))
	for _, pod := range pods {
		addresses = append(addresses, pod.Address)
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}
