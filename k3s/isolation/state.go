package isolation

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"daasvader/k3s/wire"
)

// state is what the sets must hold for a network.
type state struct {
	sets contents
	// own is the range of this node's pods, ownAddress in it the node's own.
	own        netip.Prefix
	ownAddress netip.Addr
	cluster    netip.Prefix
	dns        netip.Addr
	pods       map[netip.Addr]podInfo
	// numbers are those of the groups.
	numbers map[string]uint32
	// excess counts what policies allow beyond maxEntries of a pod, which is refused.
	excess int
}

// podInfo is a pod, of this node or another, that may be spoken to at all.
type podInfo struct {
	namespace, name, owner string
	isLocal                bool
}

// group is what the baseline keeps together: a namespace, or all that have no owner.
func (p podInfo) group() string {
	if p.owner == "" {
		return ""
	}
	return p.namespace
}

// compile turns a network into the contents of the sets. Groups keep the numbers of before, and a number that has become
// free is given to no other at once: no moment of the change takes one group for another.
func compile(network wire.Network, o Options, notReached []netip.Prefix, before map[string]uint32) (*state, error) {
	own := network.Self.Range
	if own.IsValid() && !wire.IsNodeRange(own, o.Cluster) {
		return nil, fmt.Errorf("Cannot isolate pods: the node's range %s is no /%d of %s", own, wire.RangeBits, o.Cluster)
	}
	s := newState(own, o)
	for _, network := range notReached {
		s.sets[refused][ofNetwork(network)] = mark{}
	}
	s.addPods(network, o.Node)
	if err := s.addGroups(before); err != nil {
		return nil, err
	}
	for _, peer := range network.Peers {
		if o.Cluster.Contains(peer.Address) && !own.Contains(peer.Address) {
			s.sets[nodes][ofAddress(peer.Address)] = mark{}
			s.sets[remote][ofAddress(peer.Address)] = mark{}
		}
	}
	s.addPolicies(network.Policies)
	return s, nil
}

func newState(own netip.Prefix, o Options) *state {
	s := &state{own: own, ownAddress: wire.OwnAddress(own), cluster: o.Cluster, dns: o.DNS, pods: map[netip.Addr]podInfo{}}
	for id := range s.sets {
		s.sets[id] = members{}
	}
	return s
}

// addPods takes the pods that lie where their node's do, in namespaces that are known.
func (s *state) addPods(network wire.Network, node string) {
	for text, pod := range network.Pods {
		address, err := netip.ParseAddr(text)
		namespace, known := network.Namespaces[pod.Namespace]
		if err != nil || !address.Is4() || !known {
			continue
		}
		info := podInfo{namespace: pod.Namespace, name: pod.Name, owner: namespace.Owner, isLocal: pod.Node == node}
		switch {
		case info.isLocal && s.own.Contains(address) && address != s.ownAddress:
			slot := address.As4()[3]
			mine := uint32(1<<podBits-1) << podShift(slot)
			s.sets[local][ofAddress(address)] = mark{mask: markMask &^ mine}
		case !info.isLocal && network.Peers[pod.Node].Range.Contains(address) && !s.own.Contains(address):
			s.sets[remote][ofAddress(address)] = mark{}
		default:
			continue
		}
		s.pods[address] = info
	}
}

// podShift is where a block's mark speaks of the address of the node's range with this last byte.
func podShift(slot uint8) int { return markShift + int(slot)%podsPerBlock*podBits }

// addGroups numbers the groups of this node's pods and tells who belongs to them.
func (s *state) addGroups(before map[string]uint32) error {
	s.numbers = map[string]uint32{}
	taken := slices.Collect(maps.Values(before))
	for _, pod := range s.pods {
		name := pod.group()
		if _, numbered := s.numbers[name]; !pod.isLocal || numbered {
			continue
		}
		if before[name] != 0 {
			s.numbers[name] = before[name]
			continue
		}
		next := uint32(1)
		for slices.Contains(taken, next) {
			next++
		}
		if next > markMask>>markShift {
			return fmt.Errorf("Cannot isolate pods: %d groups of them", next)
		}
		s.numbers[name], taken = next, append(taken, next)
	}
	for address, pod := range s.pods {
		if number := s.numbers[pod.group()]; number != 0 {
			s.sets[groups][ofAddress(address)] = mark{value: number << markShift}
		}
	}
	return nil
}

// readNumbers finds the numbers that groups have in the kernel, so that who starts again changes none. No two get the same.
func readNumbers(network wire.Network, o Options, live members) map[string]uint32 {
	s := newState(network.Self.Range, o)
	s.addPods(network, o.Node)
	numbers := map[string]uint32{}
	for address, pod := range s.pods {
		number := live[ofAddress(address)].value >> markShift
		_, numbered := numbers[pod.group()]
		if number != 0 && !numbered && !slices.Contains(slices.Collect(maps.Values(numbers)), number) {
			numbers[pod.group()] = number
		}
	}
	return numbers
}
