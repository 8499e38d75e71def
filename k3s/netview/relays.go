package netview

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"daasvader/k3s/wire"
)

const (
	// homesEach is how many relays a node has for others to reach it.
	homesEach = 2
	// leastRelays are chosen, if there are as many, however few nodes there are.
	leastRelays = 8
	// maxGuests bounds the nodes that have one relay for their home, maxClients all between which it relays.
	maxGuests, maxClients = 128, 1024
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

// chooseRelays gives each node that has somebody to speak to its homes. Relays are few, as each node speaks to those of all
// its peers: no more than have room for all twice, and the best first.
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
	slices.SortFunc(candidates, func(a, b *node) int {
		return cmp.Or(cmp.Compare(b.proven(), a.proven()), compareBool(len(b.guests) > 0, len(a.guests) > 0),
			cmp.Compare(a.hashed, b.hashed), strings.Compare(a.name, b.name))
	})
	few := candidates[:min(len(candidates), max(leastRelays, 2*homesEach*len(guests)/maxGuests))]
	for _, n := range guests {
		homes, good := v.homesFor(n, few)
		if good < homesEach {
			homes, _ = v.homesFor(n, candidates)
		}
		v.settle(n, homes)
	}
}

// proven is how far others' word says that a node can be reached.
func (n *node) proven() int { return min(len(n.reachedBy), provenBy) }

// homesFor chooses the best of the candidates that have room, and says how many of these the node has not failed to reach.
func (v *Views) homesFor(n *node, candidates []*node) (homes []*node, good int) {
	hasFailed := func(c *node) bool { return v.now().Sub(n.failed[c]) < failedFor }
	better := func(a, b *node) int {
		return cmp.Or(compareBool(hasFailed(a), hasFailed(b)), cmp.Compare(b.proven(), a.proven()), compareBool(b.guests[n], a.guests[n]),
			cmp.Compare(mix(n.hashed, b.hashed), mix(n.hashed, a.hashed)), strings.Compare(a.name, b.name))
	}
	for _, candidate := range candidates {
		if candidate == n || !candidate.guests[n] && len(candidate.guests) >= maxGuests {
			continue
		}
		place, _ := slices.BinarySearchFunc(homes, candidate, better)
		if place < homesEach {
			homes = slices.Insert(homes, place, candidate)
			homes = homes[:min(len(homes), homesEach)]
		}
	}
	for _, home := range homes {
		if !hasFailed(home) {
			good++
		}
	}
	return homes, good
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
		v.serve(home, n, -1)
		for other := range n.near {
			v.serve(home, other, -1)
		}
	}
	for _, home := range homes {
		home.guests[n] = true
		v.serve(home, n, 1)
		for other := range n.near {
			v.serve(home, other, 1)
		}
	}
	n.homes = homes
	v.touch(n, peers)
	for other := range n.near {
		v.touch(other, peers)
	}
}

// serve counts for how many guests a node relays from and to another, which is its client while it has room for one.
func (v *Views) serve(relay, other *node, change int) {
	if relay == other {
		return
	}
	relay.served[other] += change
	switch {
	case relay.served[other] == 0:
		delete(relay.served, other)
		if relay.clients[other] {
			v.letIn(relay, other, false)
			v.letInNext(relay)
		}
	case !relay.clients[other] && len(relay.clients) < maxClients:
		v.letIn(relay, other, true)
	}
}

func (v *Views) letIn(relay, other *node, isClient bool) {
	if isClient {
		relay.clients[other] = true
	} else {
		delete(relay.clients, other)
	}
	v.touch(relay, peers)
	v.touch(other, peers)
}

// letInNext makes one a client for whom there was no room.
func (v *Views) letInNext(relay *node) {
	if len(relay.served) == len(relay.clients) {
		return
	}
	for other := range relay.served {
		if !relay.clients[other] {
			v.letIn(relay, other, true)
			return
		}
	}
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
