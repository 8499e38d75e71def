package netview

import (
	"cmp"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	"daasvader/k3s/wire"
)

const (
	// homesEach is how many relays a node has for others to reach it.
	homesEach = 2
	// maxGuests bounds the nodes that have one relay for their home, maxClients all between which it relays.
	maxGuests, maxClients = 128, 512
	// failedFor is how long a node that another could not reach is its last choice.
	failedFor = 10 * time.Minute
	// provenBy is how many nodes' word for another is enough: no more of them make it more of a relay.
	provenBy = 2
)

// Report notes what a node says of those that it sees as peers, and of nobody else. It counts for the choice of relays:
// who is said to be reached comes before others for all, who is said not to be comes last for the one that says so.
func (v *Views) Report(name string, report wire.NetworkReport) {
	v.change(func() {
		n := v.nodeOf(name)
		seen := n.newest()
		for _, peer := range report.Reached {
			if other := v.nodes[peer]; other != nil && seen.hasPeer(peer) && !n.reached[other] {
				n.reached[other], other.reachedBy[n] = true, true
				delete(n.failed, other)
				v.dirty.relays = true
			}
		}
		for _, peer := range report.Failed {
			if other := v.nodes[peer]; other != nil && seen.hasPeer(peer) {
				delete(n.reached, other)
				delete(other.reachedBy, n)
				n.failed[other] = v.now()
				v.dirty.relays = true
			}
		}
		v.forget(n)
	})
}

// forgetReports drops what a node said of others, and others of it.
func (v *Views) forgetReports(n *node) {
	for other := range n.reached {
		delete(other.reachedBy, n)
	}
	for other := range n.reachedBy {
		delete(other.reached, n)
	}
	for _, other := range v.nodes {
		delete(other.failed, n)
	}
	clear(n.reached)
	clear(n.reachedBy)
	clear(n.failed)
	v.dirty.relays = true
}

// chooseRelays gives each node that has somebody to speak to its homes. Who has good ones keeps them.
func (v *Views) chooseRelays() {
	v.dirty.relays, v.relaysAt = false, v.now()
	var candidates, guests []*node
	for _, n := range v.nodes {
		if v.isPeer(n) && len(n.endpoints) > 0 {
			candidates = append(candidates, n)
		}
		if v.isPeer(n) && len(n.near) > 0 {
			guests = append(guests, n)
		} else {
			v.settle(n, nil)
		}
	}
	slices.SortFunc(guests, func(a, b *node) int { return strings.Compare(a.name, b.name) })
	for _, n := range guests {
		v.settle(n, v.homesFor(n, candidates))
	}
}

// homesFor chooses the best of the candidates that have room.
func (v *Views) homesFor(n *node, candidates []*node) []*node {
	type ranked struct {
		node   *node
		failed bool
		proven int
		isHome bool
		weight uint64
	}
	better := func(a, b ranked) int {
		return cmp.Or(compareBool(a.failed, b.failed), cmp.Compare(b.proven, a.proven), compareBool(b.isHome, a.isHome),
			cmp.Compare(b.weight, a.weight), strings.Compare(a.node.name, b.node.name))
	}
	var best []ranked
	for _, candidate := range candidates {
		isHome := candidate.guests[n]
		if candidate == n || !isHome && len(candidate.guests) >= maxGuests {
			continue
		}
		best = append(best, ranked{
			node:   candidate,
			failed: v.now().Sub(n.failed[candidate]) < failedFor,
			proven: min(len(candidate.reachedBy), provenBy),
			isHome: isHome,
			weight: mix(n.hashed, candidate.hashed),
		})
		slices.SortFunc(best, better)
		best = best[:min(len(best), homesEach)]
	}
	homes := make([]*node, len(best))
	for i, ranked := range best {
		homes[i] = ranked.node
	}
	return homes
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

// settle gives a node its homes.
func (v *Views) settle(n *node, homes []*node) {
	if slices.Equal(n.homes, homes) {
		return
	}
	for _, home := range n.homes {
		delete(home.guests, n)
		v.dirty.clients[home] = true
	}
	for _, home := range homes {
		home.guests[n] = true
		v.dirty.clients[home] = true
	}
	n.homes = homes
	v.touch(n, peers)
	for other := range n.near {
		v.touch(other, peers)
	}
}

// recount has those counted anew between which a node's homes relay.
func (v *Views) recount(n *node) {
	for _, home := range n.homes {
		v.dirty.clients[home] = true
	}
}

// countClients finds out between whom a node relays: its guests, then the nodes near to them, as many as it may.
func (v *Views) countClients(relay *node) {
	clients := maps.Clone(relay.guests)
	for _, guest := range sorted(relay.guests) {
		for _, other := range sorted(guest.near) {
			if len(clients) < maxClients && other != relay {
				clients[other] = true
			}
		}
	}
	if maps.Equal(relay.clients, clients) {
		return
	}
	v.touch(relay, peers)
	for _, change := range []map[*node]bool{relay.clients, clients} {
		for client := range change {
			if relay.clients[client] != clients[client] {
				v.touch(client, peers)
			}
		}
	}
	relay.clients = clients
}

func sorted(nodes map[*node]bool) []*node {
	return slices.SortedFunc(maps.Keys(nodes), func(a, b *node) int { return strings.Compare(a.name, b.name) })
}

func hash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

// mix makes one number of two, each of whose bits depends on all of theirs (the finalizer of MurmurHash3).
func mix(a, b uint64) uint64 {
	x := a ^ b*0x9e3779b97f4a7c15
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
