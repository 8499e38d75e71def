package netpolicy

import (
	"net/netip"
	"slices"

	"go4.org/netipx"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// peer is whom one entry of a rule allows.
type peer struct {
	// namespaces is nil where only the policy's own is meant.
	namespaces, pods func(map[string]string) bool
	// block is nil where the entry is about pods by their labels.
	block *netipx.IPSet
}

var (
	everything    = netip.MustParsePrefix("0.0.0.0/0")
	matchesAll    = func(map[string]string) bool { return true }
	matchesNobody = func(map[string]string) bool { return false }
	// anybody is whom a rule without entries allows: all pods, and the internet.
	anybody = []peer{{namespaces: matchesAll, pods: matchesAll}, {block: blockOf(&networkingv1.IPBlock{CIDR: everything.String()})}}
)

func allPeers(policy *networkingv1.NetworkPolicy) (all []peer) {
	isIngress, isEgress := directions(policy)
	if isIngress {
		for _, rule := range policy.Spec.Ingress {
			all = append(all, peersOf(rule.From)...)
		}
	}
	if isEgress {
		for _, rule := range policy.Spec.Egress {
			all = append(all, peersOf(rule.To)...)
		}
	}
	return all
}

func peersOf(entries []networkingv1.NetworkPolicyPeer) []peer {
	if len(entries) == 0 {
		return anybody
	}
	var peers []peer
	for _, entry := range entries {
		isOfPods := entry.PodSelector != nil || entry.NamespaceSelector != nil
		switch {
		case isOfPods && entry.IPBlock == nil:
			peers = append(peers, peerOfPods(entry))
		case !isOfPods && entry.IPBlock != nil:
			peers = append(peers, peer{block: blockOf(entry.IPBlock)})
		}
	}
	return peers
}

func peerOfPods(entry networkingv1.NetworkPolicyPeer) (p peer) {
	if p.pods = matchesAll; entry.PodSelector != nil {
		p.pods = selector(entry.PodSelector)
	}
	if entry.NamespaceSelector != nil {
		p.namespaces = selector(entry.NamespaceSelector)
	}
	return p
}

// selector selects nothing where it is none.
func selector(of *metav1.LabelSelector) func(map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(of)
	if err != nil {
		return matchesNobody
	}
	return func(set map[string]string) bool { return selector.Matches(labels.Set(set)) }
}

// selectsNamespace says whether an entry is about pods of a namespace by their labels.
func (p peer) selectsNamespace(own, other Namespace) bool {
	switch {
	case p.block != nil:
		return false
	case p.namespaces == nil:
		return other.Name == own.Name
	default:
		return p.namespaces(other.Labels)
	}
}

// podsIn are the pods of a namespace of the same owner that an entry allows. A block of addresses allows pods only where
// they may be reached without any policy: it says nothing of whose they are.
func (p peer) podsIn(own, other Namespace) (allowed []Pod) {
	isBlock := p.block != nil && (own.Owner == "" || other.Name == own.Name)
	if !isBlock && !p.selectsNamespace(own, other) {
		return nil
	}
	for _, pod := range other.Pods {
		if pod.Address.Is4() && (isBlock && p.block.Contains(pod.Address) || !isBlock && p.pods(pod.Labels)) {
			allowed = append(allowed, pod)
		}
	}
	return allowed
}

// blockOf is a block without its exceptions; it is empty where one of them can't be read, and of IPv6, which pods do not
// have.
func blockOf(block *networkingv1.IPBlock) *netipx.IPSet {
	var builder netipx.IPSetBuilder
	prefix, err := netip.ParsePrefix(block.CIDR)
	if err != nil || !prefix.Addr().Is4() {
		return &netipx.IPSet{}
	}
	builder.AddPrefix(prefix)
	for _, text := range block.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil || !except.Addr().Is4() {
			return &netipx.IPSet{}
		}
		builder.RemovePrefix(except)
	}
	set, err := builder.IPSet()
	if err != nil {
		return &netipx.IPSet{}
	}
	return set
}

// netsOf are all that the blocks among peers hold together.
func netsOf(peers []peer) []netip.Prefix {
	var builder netipx.IPSetBuilder
	for _, peer := range peers {
		if peer.block != nil {
			builder.AddSet(peer.block)
		}
	}
	set, err := builder.IPSet()
	if err != nil {
		return nil
	}
	return set.Prefixes()
}

// allowedPods are those that the peers of a rule allow, each once.
func allowedPods(peers []peer, own Namespace, known []Namespace) (allowed []Pod) {
	for _, namespace := range known {
		for _, peer := range peers {
			allowed = append(allowed, peer.podsIn(own, namespace)...)
		}
	}
	slices.SortFunc(allowed, func(a, b Pod) int { return a.Address.Compare(b.Address) })
	return slices.CompactFunc(allowed, func(a, b Pod) bool { return a.Address == b.Address })
}
