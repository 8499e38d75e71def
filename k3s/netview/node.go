package netview

import (
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/wire"
)

const (
	// KeyAnnotation and EndpointsAnnotation are where the server notes, on a node's object, the WireGuard key that the
	// node has proven and the endpoints that it states. Nodes write neither.
	KeyAnnotation       = "daasvader.io/wireguard-key"
	EndpointsAnnotation = "daasvader.io/wireguard-endpoints"
)

// node is one that has an object, or runs pods, or asks for its view.
type node struct {
	name      string
	isThere   bool // whether it has an object
	isRevoked bool
	said      netip.Prefix // the range that its object says; invalid when it can be none
	key       wire.WireGuardKey
	endpoints []netip.AddrPort

	pods map[*pod]bool  // those that were given to it
	runs map[string]int // how many of them run in which namespace

	// near are the other nodes that run pods of namespaces which this one knows.
	near map[*node]bool
	// homes are the nodes through which others reach it, guests those whose home it is.
	homes  []*node
	guests map[*node]bool
	// served are its guests and the nodes near to them, each with for how many guests, clients those of them between which
	// it relays.
	served  map[*node]int
	clients map[*node]bool
	// hashed is the name as a number, to spread nodes over relays.
	hashed uint64
	// reached are the nodes that it reaches, reachedBy those that reach it, failed when it last failed to reach one.
	reached, reachedBy map[*node]bool
	failed             map[*node]time.Time

	compiled  map[string]compiled
	kept      []*View       // the newest last
	changed   chan struct{} // closed when there is a newer view
	followers int
}

// nodeOf is the node of a name, which is known from then on.
func (v *Views) nodeOf(name string) *node {
	if found := v.nodes[name]; found != nil {
		return found
	}
	made := &node{
		name:      name,
		isRevoked: v.revoked[name],
		pods:      map[*pod]bool{},
		runs:      map[string]int{},
		near:      map[*node]bool{},
		guests:    map[*node]bool{},
		served:    map[*node]int{},
		clients:   map[*node]bool{},
		hashed:    hash(name),
		reached:   map[*node]bool{},
		reachedBy: map[*node]bool{},
		failed:    map[*node]time.Time{},
		compiled:  map[string]compiled{},
		changed:   make(chan struct{}),
	}
	v.nodes[name] = made
	v.touch(made, all)
	return made
}

// setNode notes what a node's object says.
func (v *Views) setNode(object *corev1.Node) {
	n := v.nodeOf(object.Name)
	key := wire.WireGuardKey{}
	if text := object.Annotations[KeyAnnotation]; text != "" && key.UnmarshalText([]byte(text)) != nil {
		key = wire.WireGuardKey{}
	}
	v.place(n, true, n.isRevoked, v.rangeIn(object.Spec.PodCIDR))
	v.hold(n, key)
	v.reachAt(n, v.endpointsIn(object.Annotations[EndpointsAnnotation]))
}

// deleteNode forgets a node, but for what others may still say of it.
func (v *Views) deleteNode(name string) {
	n := v.nodeOf(name)
	v.place(n, false, n.isRevoked, netip.Prefix{})
	v.hold(n, wire.WireGuardKey{})
	v.reachAt(n, nil)
	v.forgetReports(n)
	v.forget(n)
}

// Revoke says which nodes are kept out: they leave all views at once, and so do their pods.
func (v *Views) Revoke(names map[string]bool) {
	v.change(func() {
		v.revoked = names
		for _, n := range v.nodes {
			v.place(n, n.isThere, names[n.name], n.said)
		}
	})
}

// place notes whether a node is one of the cluster and where its pods' addresses lie.
func (v *Views) place(n *node, isThere, isRevoked bool, said netip.Prefix) {
	if n.isThere == isThere && n.isRevoked == isRevoked && n.said == said {
		return
	}
	v.countRange(n.said, -1)
	v.countRange(said, 1)
	n.isThere, n.isRevoked, n.said = isThere, isRevoked, said
	for pod := range n.pods {
		v.judge(pod)
	}
	v.touch(n, all)
	v.touchAsPeer(n)
}

// countRange keeps count of who has a range. One that two nodes have is neither's, so that each change is all of theirs.
func (v *Views) countRange(r netip.Prefix, change int) {
	if !r.IsValid() {
		return
	}
	if v.ranges[r] += change; v.ranges[r] == 0 {
		delete(v.ranges, r)
	}
	for _, other := range v.nodes {
		if other.said == r {
			for pod := range other.pods {
				v.judge(pod)
			}
			v.touch(other, all)
			v.touchAsPeer(other)
		}
	}
}

// rangeIn reads a node's range; it is invalid when it is none of this cluster's.
func (v *Views) rangeIn(text string) netip.Prefix {
	r, err := netip.ParsePrefix(text)
	if err != nil || !wire.IsNodeRange(r, v.options.Cluster) {
		return netip.Prefix{}
	}
	return r
}

// podRange is where a node's pods have their addresses; invalid while it is not one of the cluster.
func (v *Views) podRange(n *node) netip.Prefix {
	if !n.isThere || n.isRevoked || v.ranges[n.said] != 1 {
		return netip.Prefix{}
	}
	return n.said
}

// isPeer says whether others may speak to a node.
func (v *Views) isPeer(n *node) bool {
	return v.podRange(n).IsValid() && !v.provenKey(n).IsZero()
}

// reachAt notes where a node says that it can be reached. Who reached it elsewhere has not reached it there.
func (v *Views) reachAt(n *node, endpoints []netip.AddrPort) {
	if slices.Equal(n.endpoints, endpoints) {
		return
	}
	n.endpoints = endpoints
	for other := range n.reachedBy {
		delete(other.reached, n)
	}
	clear(n.reachedBy)
	v.touchAsPeer(n)
}

// touchAsPeer notes that what others see of a node may have changed.
func (v *Views) touchAsPeer(n *node) {
	v.dirty.relays = true
	v.touch(n, peers)
	for other := range n.near {
		v.touch(other, peers)
	}
	for other := range n.clients {
		v.touch(other, peers)
	}
	for _, other := range v.nodes {
		if other.clients[n] {
			v.touch(other, peers)
		}
	}
}

// forget drops a node of which nothing is left.
func (v *Views) forget(n *node) {
	if !n.isThere && len(n.pods) == 0 && n.followers == 0 {
		v.forgetReports(n)
		v.settle(n, nil)
		delete(v.nodes, n.name)
		delete(v.dirty.nodes, n)
	}
}
