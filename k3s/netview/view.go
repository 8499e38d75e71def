package netview

import (
	"maps"
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/netpolicy"
	"daasvader/k3s/wire"
)

// keptViews is how many views of a node are kept for one that comes back and wants to hear of the changes only.
const keptViews = 16

// apiService is the Service of the API server, which is in every view.
const apiService = corev1.NamespaceDefault + "/kubernetes"

// View is what a node is to know at one moment. It is never changed.
type View struct {
	number     uint64
	self       wire.Self
	namespaces map[string]*part
	peers      map[string]*wire.Peer
	policies   map[string]*wire.Policy
}

// compiled are the policies of a namespace for one node, and of which generation of its owner they are.
type compiled struct {
	owner      *owner
	generation uint64
	policies   map[string]*wire.Policy
}

// newest is a node's last view, nil before the first.
func (n *node) newest() *View {
	if len(n.kept) == 0 {
		return nil
	}
	return n.kept[len(n.kept)-1]
}

func (w *View) hasPeer(name string) bool { return w != nil && w.peers[name] != nil }

// look makes a node's view anew, as far as it may have changed, and has the node told if it did.
func (v *Views) look(n *node, aspects aspect) {
	former := n.newest()
	if former == nil {
		former, aspects = &View{}, all
	}
	next := *former
	next.self = v.selfOf(n)
	differs := former.number == 0 || !equalSelves(&former.self, &next.self)
	if aspects&(contents|sharing) != 0 {
		scope := map[*namespace]bool{}
		if v.podRange(n).IsValid() {
			scope = v.scopeOf(n)
		}
		differs = keep(&next.namespaces, v.partsOf(n, scope), func(a, b *part) bool { return a == b }) || differs
		differs = keep(&next.policies, v.policiesOf(n, scope), equalPolicies) || differs
	}
	if aspects&(sharing|peers) != 0 {
		differs = keep(&next.peers, v.peersOf(n), equalPeers) || differs
	}
	if !differs {
		return
	}
	v.number++
	next.number = v.number
	if len(n.kept) == keptViews {
		n.kept = slices.Delete(n.kept, 0, 1)
	}
	n.kept = append(n.kept, &next)
	close(n.changed)
	n.changed = make(chan struct{})
}

// keep replaces things by others if they differ, and leaves what is equal the very thing that it was.
func keep[T any](things *map[string]*T, others map[string]*T, equal func(a, b *T) bool) (differs bool) {
	differs = len(*things) != len(others)
	for key, other := range others {
		if had := (*things)[key]; had != nil && equal(had, other) {
			others[key] = had
		} else {
			differs = true
		}
	}
	if differs {
		*things = others
	}
	return differs
}

func equalPolicies(a, b *wire.Policy) bool { return a == b || reflect.DeepEqual(a, b) }

func (v *Views) selfOf(n *node) wire.Self {
	self := wire.Self{Range: v.podRange(n), Key: v.provenKey(n), Challenge: v.options.Challenge}
	for _, home := range v.homesOf(n) {
		self.Relays = append(self.Relays, home.name)
	}
	return self
}

func equalSelves(a, b *wire.Self) bool {
	return a.Range == b.Range && a.Key == b.Key && a.Challenge == b.Challenge && slices.Equal(a.Relays, b.Relays)
}

// partsOf are the namespaces that a node knows. Of the default one, each node knows the API server's Service at least.
func (v *Views) partsOf(n *node, scope map[*namespace]bool) map[string]*part {
	parts := map[string]*part{}
	if !v.podRange(n).IsValid() {
		return parts
	}
	if found := v.namespaces[corev1.NamespaceDefault]; found != nil && found.shown != nil {
		parts[found.name] = found.shown.api
	}
	for known := range scope {
		if known.shown != nil {
			parts[known.name] = known.shown
		}
	}
	return parts
}

// policiesOf are the policies for the pods of a node.
func (v *Views) policiesOf(n *node, scope map[*namespace]bool) map[string]*wire.Policy {
	all := map[string]*wire.Policy{}
	former := n.compiled
	n.compiled = map[string]compiled{}
	for known, runs := range scope {
		if !runs || len(known.policies) == 0 {
			continue
		}
		mine := former[known.name]
		if mine.owner != known.owner || mine.generation != known.owner.generation {
			mine = compiled{known.owner, known.owner.generation, v.compile(known, n.name)}
		}
		n.compiled[known.name] = mine
		maps.Copy(all, mine.policies)
	}
	return all
}

func (v *Views) compile(n *namespace, node string) map[string]*wire.Policy {
	var scope []netpolicy.Namespace
	others := n.linked
	if n.owner.isOpen() {
		others = n.owner.namespaces
	}
	for other := range others {
		scope = append(scope, v.membersOf(other))
	}
	policies := map[string]*wire.Policy{}
	for _, policy := range n.policies {
		for key, meant := range netpolicy.Compile(policy, v.membersOf(n), scope, node) {
			policies[key] = &meant
		}
	}
	return policies
}
