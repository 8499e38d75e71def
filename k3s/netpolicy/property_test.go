package netpolicy

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"daasvader/k3s/wire"
)

// worlds are enough to find a wrong answer of each kind that was put in on purpose.
const worlds = 300

var (
	nodes     = []string{"one", "two"}
	protocols = []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}
	numbers   = []int32{80, 81, 443}
	blocks    = []string{"10.42.0.0/16", "10.42.1.0/24", "10.42.0.0/30", "0.0.0.0/0", "8.8.0.0/16", "8.8.8.0/24", "2001:db8::/32"}
	outside   = []string{"8.8.8.8", "8.8.1.1", "1.1.1.1"}
)

// dice makes random worlds.
type dice struct{ *rand.Rand }

func one[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

func some[T any](d dice, most int, make func() T) (made []T) {
	for range d.IntN(most + 1) {
		made = append(made, make())
	}
	return made
}

func maybe[T any](d dice, value T) *T {
	if d.IntN(2) == 0 {
		return nil
	}
	return &value
}

func (d dice) labels() map[string]string {
	labels := map[string]string{}
	for _, key := range []string{"app", "tier"} {
		if value := d.IntN(3); value > 0 {
			labels[key] = fmt.Sprint(value)
		}
	}
	return labels
}

func (d dice) selector() (selector metav1.LabelSelector) {
	if d.IntN(2) == 0 {
		selector.MatchLabels = d.labels()
	}
	selector.MatchExpressions = some(d, 1, func() metav1.LabelSelectorRequirement {
		wanted := metav1.LabelSelectorRequirement{Key: one(d, []string{"app", "tier"})}
		switch wanted.Operator = one(d, []metav1.LabelSelectorOperator{"In", "NotIn", "Exists", "DoesNotExist"}); wanted.Operator {
		case "In", "NotIn":
			wanted.Values = []string{fmt.Sprint(1 + d.IntN(2))}
		}
		return wanted
	})
	return selector
}

func (d dice) peers() []networkingv1.NetworkPolicyPeer {
	return some(d, 2, func() (peer networkingv1.NetworkPolicyPeer) {
		if d.IntN(3) == 0 {
			peer.IPBlock = &networkingv1.IPBlock{CIDR: one(d, blocks)}
			within := netip.MustParsePrefix(peer.IPBlock.CIDR)
			for _, except := range some(d, 2, func() string { return one(d, blocks) }) {
				if smaller := netip.MustParsePrefix(except); within.Bits() < smaller.Bits() && within.Contains(smaller.Addr()) {
					peer.IPBlock.Except = append(peer.IPBlock.Except, except)
				}
			}
			return peer
		}
		peer.PodSelector, peer.NamespaceSelector = maybe(d, d.selector()), maybe(d, d.selector())
		if peer.PodSelector == nil && peer.NamespaceSelector == nil {
			peer.PodSelector = &metav1.LabelSelector{}
		}
		return peer
	})
}

func (d dice) ports() []networkingv1.NetworkPolicyPort {
	return some(d, 2, func() (port networkingv1.NetworkPolicyPort) {
		port.Protocol = maybe(d, one(d, protocols))
		switch d.IntN(4) {
		case 0:
			port.Port = new(intstr.FromString(one(d, []string{"web", "dns"})))
		case 1:
			port.Port, port.EndPort = new(intstr.FromInt32(80)), new(one(d, numbers))
		case 2:
			port.Port = new(intstr.FromInt32(one(d, numbers)))
		}
		return port
	})
}

func (d dice) policy(namespace, name string) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, UID: types.UID(namespace + name)}}
	policy.Spec.PodSelector = d.selector()
	policy.Spec.Ingress = some(d, 2, func() networkingv1.NetworkPolicyIngressRule {
		return networkingv1.NetworkPolicyIngressRule{From: d.peers(), Ports: d.ports()}
	})
	policy.Spec.Egress = some(d, 2, func() networkingv1.NetworkPolicyEgressRule {
		return networkingv1.NetworkPolicyEgressRule{To: d.peers(), Ports: d.ports()}
	})
	policy.Spec.PolicyTypes = one(d, [][]networkingv1.PolicyType{nil, {"Ingress"}, {"Egress"}, {"Ingress", "Egress"}})
	return policy
}

func (d dice) world() reference {
	world := reference{policies: map[string][]*networkingv1.NetworkPolicy{}}
	taken := netip.MustParseAddr("10.42.0.1")
	for index, owner := range []string{"0xa", "0xa", "0xb", "", ""} {
		namespace := Namespace{Name: fmt.Sprintf("ns-%d", index), Owner: owner, Labels: d.labels()}
		for pod := range 3 {
			if taken = taken.Next(); pod == 2 {
				taken = netip.AddrFrom4([4]byte{10, 42, 1, taken.As4()[3]})
			} else {
				taken = netip.AddrFrom4([4]byte{10, 42, 0, taken.As4()[3]})
			}
			ports := some(d, 2, func() corev1.ContainerPort {
				return corev1.ContainerPort{Name: one(d, []string{"web", "dns"}), Protocol: one(d, protocols), ContainerPort: one(d, numbers)}
			})
			namespace.Pods = append(namespace.Pods, Pod{Name: fmt.Sprint(pod), Node: one(d, nodes), Address: taken, Labels: d.labels(), Ports: ports})
		}
		world.namespaces = append(world.namespaces, namespace)
		for policy := range d.IntN(3) {
			world.policies[namespace.Name] = append(world.policies[namespace.Name], d.policy(namespace.Name, fmt.Sprint(policy)))
		}
	}
	return world
}

func (r reference) ends() (ends []end) {
	for index := range r.namespaces {
		for _, pod := range r.namespaces[index].Pods {
			ends = append(ends, end{pod, &r.namespaces[index]})
		}
	}
	return ends
}

// compiled is what each node would be told.
func (r reference) compiled(t *testing.T) map[string][]wire.Policy {
	byNode := map[string][]wire.Policy{}
	for _, own := range r.namespaces {
		for _, policy := range r.policies[own.Name] {
			for _, node := range nodes {
				all := Compile(policy, own, r.namespaces, node)
				for _, key := range slices.Sorted(keysOf(all)) {
					byNode[node] = append(byNode[node], all[key])
				}
				again, _ := json.Marshal(Compile(policy, own, r.namespaces, node))
				if first, _ := json.Marshal(all); string(first) != string(again) {
					t.Fatalf("compiled twice: %s and %s", first, again)
				}
			}
		}
	}
	return byNode
}

// enforced says what a node makes of policies, as wire.Policy has it.
func enforced(policies []wire.Policy, subject end, baseline, isEgress bool, allows func(wire.PolicyRule) bool) bool {
	isSelected := false
	for _, policy := range policies {
		applies, rules := policy.IsIngress, policy.Ingress
		if isEgress {
			applies, rules = policy.IsEgress, policy.Egress
		}
		if !applies || !slices.Contains(policy.Pods, subject.Address) {
			continue
		}
		if slices.ContainsFunc(rules, allows) {
			return true
		}
		isSelected = true
	}
	return !isSelected && baseline
}

func matches(rule wire.PolicyRule, other end, protocol corev1.Protocol, port int32) bool {
	isPeer := slices.Contains(rule.Pods, other.Address)
	if other.namespace == nil {
		isPeer = slices.ContainsFunc(rule.Nets, func(net netip.Prefix) bool { return net.Contains(other.Address) })
	}
	return isPeer && (len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, func(r wire.PortRange) bool {
		return r.Protocol == protocol && int32(r.First) <= port && port <= int32(r.Last)
	}))
}

func TestWhatIsCompiledAllowsWhatPoliciesMean(t *testing.T) {
	seed := rand.Uint64()
	allowed, refused := 0, 0
	for index := range worlds {
		d := dice{rand.New(rand.NewPCG(seed, uint64(index)))}
		world := d.world()
		compiled := world.compiled(t)
		receivers := world.ends()
		for _, address := range outside {
			receivers = append(receivers, end{Pod: Pod{Address: netip.MustParseAddr(address)}})
		}
		for _, from := range world.ends() {
			for _, to := range receivers {
				protocol, port := one(d, protocols), one(d, append(numbers, 9999))
				isClose := to.namespace == nil || from.namespace.Name == to.namespace.Name || from.namespace.Owner == "" && to.namespace.Owner == ""
				has := enforced(compiled[from.Node], from, isClose, true, func(rule wire.PolicyRule) bool { return matches(rule, to, protocol, port) })
				if to.namespace != nil {
					has = has && enforced(compiled[to.Node], to, isClose, false, func(rule wire.PolicyRule) bool { return matches(rule, from, protocol, port) })
				}
				if has {
					allowed++
				} else {
					refused++
				}
				if want := world.mayTalk(from, to, protocol, port); has != want {
					policies, _ := json.Marshal(world.policies)
					t.Fatalf("seed %d, world %d: %v to %v at %s %d: %v, expected %v; policies %s", seed, index, from, to, protocol, port, has, want, policies)
				}
			}
		}
	}
	if allowed < worlds || refused < worlds {
		t.Errorf("%d allowed and %d refused: the worlds ask nothing", allowed, refused)
	}
}
