package netview

import (
	"slices"

	"daasvader/k3s/wire"
)

// peersOf are the nodes that a node may speak to, as it is told of them: those near to it, its own relays and theirs, and
// those between which it relays.
func (v *Views) peersOf(n *node) map[string]*wire.Peer {
	found := map[string]*wire.Peer{}
	if !v.podRange(n).IsValid() {
		return found
	}
	add := func(other *node) *wire.Peer {
		if found[other.name] == nil {
			found[other.name] = v.plainPeer(other)
		}
		return found[other.name]
	}
	for other := range n.near {
		if !v.isPeer(other) {
			continue
		}
		peer := add(other)
		peer.Range = v.podRange(other)
		for _, relay := range v.relaysBetween(n, other) {
			peer.Relays = append(peer.Relays, relay.name)
			add(relay)
		}
	}
	for _, home := range v.homesOf(n) {
		add(home)
	}
	for client := range n.clients {
		if v.isPeer(client) {
			add(client).IsClient = true
		}
	}
	return found
}

// plainPeer is a node with which another has no pods to do.
func (v *Views) plainPeer(n *node) *wire.Peer {
	return &wire.Peer{Key: v.provenKey(n), Address: wire.OwnAddress(v.podRange(n)), Endpoints: n.endpoints}
}

// homesOf are those through which a node can be reached now.
func (v *Views) homesOf(n *node) []*node {
	return slices.DeleteFunc(slices.Clone(n.homes), func(home *node) bool { return !v.isPeer(home) })
}

// relaysBetween are the homes of another node through which a node may reach it.
func (v *Views) relaysBetween(n, other *node) []*node {
	return slices.DeleteFunc(v.homesOf(other), func(home *node) bool {
		return home == n || !home.clients[n] || !home.clients[other]
	})
}

func equalPeers(a, b *wire.Peer) bool {
	return a.Key == b.Key && a.Address == b.Address && a.Range == b.Range && a.IsClient == b.IsClient &&
		slices.Equal(a.Endpoints, b.Endpoints) && slices.Equal(a.Relays, b.Relays)
}
