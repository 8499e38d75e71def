package netview

import (
	"maps"

	"daasvader/k3s/netpolicy"
)

// link finds out which namespaces of an owner policies connect. The open ones all are.
func (v *Views) link(o *owner) {
	if o.isOpen() {
		return
	}
	linked := map[*namespace]map[*namespace]bool{}
	connect := func(a, b *namespace) {
		if linked[a] == nil {
			linked[a] = map[*namespace]bool{}
		}
		linked[a][b] = true
	}
	named := map[string]*namespace{}
	var members []netpolicy.Namespace
	for n := range o.namespaces {
		named[n.name] = n
		members = append(members, v.membersOf(n))
	}
	for n := range o.namespaces {
		for _, policy := range n.policies {
			for _, name := range netpolicy.Links(policy, v.membersOf(n), members) {
				connect(n, named[name])
				connect(named[name], n)
			}
		}
	}
	for n := range o.namespaces {
		if !maps.Equal(n.linked, linked[n]) {
			if n.linked = linked[n]; n.linked == nil {
				n.linked = map[*namespace]bool{}
			}
			v.touchAudience(n, contents|sharing) // both ends of a link that has gone have changed
			o.generation++
		}
	}
}

// scopeOf are the namespaces that a node knows, with whether it runs pods of them.
func (v *Views) scopeOf(n *node) map[*namespace]bool {
	scope := map[*namespace]bool{}
	for name := range n.runs {
		own := v.namespaces[name]
		if own.owner == nil {
			continue
		}
		others := own.linked
		if own.owner.isOpen() {
			others = own.owner.namespaces
		}
		for other := range others {
			scope[other] = scope[other]
		}
		scope[own] = true
	}
	return scope
}

// share finds out which other nodes run pods of the namespaces that a node knows.
func (v *Views) share(n *node) {
	near := map[*node]bool{}
	for known := range v.scopeOf(n) {
		for other := range known.nodes {
			if other != n {
				near[other] = true
			}
		}
	}
	if maps.Equal(n.near, near) {
		return
	}
	if (len(n.near) == 0) != (len(near) == 0) {
		v.dirty.relays = true
	}
	for _, home := range n.homes {
		for other := range n.near {
			if !near[other] {
				v.serve(home, other, -1)
			}
		}
		for other := range near {
			if !n.near[other] {
				v.serve(home, other, 1)
			}
		}
	}
	n.near = near
	v.touch(n, peers)
}

// membersOf is a namespace as policies see it.
func (v *Views) membersOf(n *namespace) netpolicy.Namespace {
	if n.members == nil {
		n.members = &netpolicy.Namespace{Name: n.name, Owner: n.owner.name, Labels: n.object.Labels}
		for _, pod := range n.pods {
			if pod.isShown {
				n.members.Pods = append(n.members.Pods, netpolicy.Pod{
					Name: pod.name, Node: pod.node.name, Address: pod.address, Labels: pod.labels, Ports: pod.ports,
				})
			}
		}
	}
	return *n.members
}
