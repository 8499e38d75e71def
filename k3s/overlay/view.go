package overlay

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"daasvader/k3s/wire"
)

// maxPeers is how many peers a node has at most.
const maxPeers = 4096

// peersOf returns the peers of a network that can be believed, and says why the others cannot. Of two that contradict
// each other, neither can.
func peersOf(network wire.Network, cluster netip.Prefix, owns func(wire.WireGuardKey) bool) (map[string]wire.Peer, map[string]string) {
	peers, refused := map[string]wire.Peer{}, map[string]string{}
	byKey, byRange := map[wire.WireGuardKey]string{}, map[netip.Prefix]string{network.Self.Range: "this node"}
	for _, name := range slices.Sorted(maps.Keys(network.Peers)) {
		peer := network.Peers[name]
		if err := checkPeer(peer, cluster, owns); err != nil {
			refused[name] = err.Error()
			continue
		}
		claims := wire.RangeOf(peer.Address)
		other, taken := byRange[claims]
		if byRange[claims] = name; taken {
			refused[name], refused[other] = fmt.Sprintf("its range is also that of %s", other), fmt.Sprintf("its range is also that of %s", name)
		}
		other, taken = byKey[peer.Key]
		if byKey[peer.Key] = name; taken {
			refused[name], refused[other] = fmt.Sprintf("its key is also that of %s", other), fmt.Sprintf("its key is also that of %s", name)
		}
		if len(peers) == maxPeers {
			refused[name] = fmt.Sprintf("there are more than %d", maxPeers)
			continue
		}
		peers[name] = peer
	}
	for name := range refused {
		delete(peers, name)
	}
	return peers, refused
}

func checkPeer(peer wire.Peer, cluster netip.Prefix, owns func(wire.WireGuardKey) bool) error {
	pods := wire.RangeOf(peer.Address)
	switch {
	case peer.Key.IsZero():
		return fmt.Errorf("it has no key")
	case owns(peer.Key):
		return fmt.Errorf("its key is this node's")
	case !peer.Address.Is4() || !cluster.Contains(peer.Address) || peer.Address != wire.OwnAddress(pods):
		return fmt.Errorf("%s is not the first address of a range in %s", peer.Address, cluster)
	case peer.Range.IsValid() && peer.Range != pods:
		return fmt.Errorf("its address %s is not the first of its range %s", peer.Address, peer.Range)
	}
	return nil
}

// checkSelf says whether the node's own range is one.
func checkSelf(self wire.Self, cluster netip.Prefix) error {
	if !wire.IsNodeRange(self.Range, cluster) {
		return fmt.Errorf("Cannot use the range %s for this node's pods: it is no /%d in %s", self.Range, wire.RangeBits, cluster)
	}
	return nil
}

var (
	carrierGrade = netip.MustParsePrefix("100.64.0.0/10")
	thisNetwork  = netip.MustParsePrefix("0.0.0.0/8")
	reserved     = netip.MustParsePrefix("240.0.0.0/4")
)

// isReachable says whether an endpoint that somebody else named may be probed: never this machine itself, its link, the
// overlay, or many at once.
func isReachable(e netip.AddrPort, cluster netip.Prefix) bool {
	a := e.Addr()
	return e.Port() != 0 && a.Is4() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() &&
		!thisNetwork.Contains(a) && !reserved.Contains(a) && !cluster.Contains(a)
}

// isPrivate says whether the address means different machines in different places.
func isPrivate(a netip.Addr) bool { return a.IsPrivate() || carrierGrade.Contains(a) }
