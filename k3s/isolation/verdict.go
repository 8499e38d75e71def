package isolation

import (
	"net/netip"
	"slices"

	"daasvader/k3s/publicnet"
	"daasvader/k3s/wire"
)

// end is where a connection leads.
type end struct {
	address  netip.Addr
	protocol uint8
	port     uint16
}

// allows says whether the rules of now would let a connection begin; it is what the chains say, for those that are open.
func (s *state) allows(from netip.Addr, to end, m publicnet.Local) bool {
	switch {
	case to.address == s.dns:
		return true
	case slices.Contains(m.Addresses, from) || from == s.ownAddress:
		return true // the node itself
	case to.address == s.ownAddress:
		return s.has(nodes, from) && to.protocol == protocols["UDP"].number && to.port == wire.RelayPort
	}
	sender, receiver := s.own.Contains(from), s.own.Contains(to.address)
	return (sender || receiver) && (!sender || s.mayLeave(from, to)) && (!receiver || s.mayEnter(from, to))
}

func (s *state) has(id setID, address netip.Addr) bool {
	_, has := s.sets[id][ofAddress(address)]
	return has
}

// mayLeave is EGRESS.
func (s *state) mayLeave(from netip.Addr, to end) bool {
	if !s.has(local, from) {
		return false
	}
	if !s.cluster.Contains(to.address) {
		if s.isRefused(to.address) || to.protocol == protocols["TCP"].number && to.port == 25 {
			return false
		}
		if s.has(outBase, from) {
			return true
		}
	}
	return s.has(outBase, from) && s.sameGroup(from, to.address) || s.policyAllows(outBlocks, outPorts, from, to.address, to)
}

// mayEnter is INGRESS, and what comes out of the overlay at all.
func (s *state) mayEnter(from netip.Addr, to end) bool {
	if !s.has(local, to.address) || !s.has(local, from) && !s.has(remote, from) {
		return false
	}
	return s.has(inOpen, to.address) && s.has(nodes, from) || s.has(inBase, to.address) && s.sameGroup(from, to.address) ||
		s.policyAllows(inBlocks, inPorts, to.address, from, to)
}

func (s *state) sameGroup(a, b netip.Addr) bool {
	group, known := s.sets[groups][ofAddress(a)]
	return known && s.sets[groups][ofAddress(b)] == group
}

// policyAllows looks for the narrowest network around the other side, as the kernel does.
func (s *state) policyAllows(first, ports setID, pod, other netip.Addr, to end) bool {
	slot := pod.As4()[3]
	what := uint32(markAll)
	for _, protocol := range protocols {
		if protocol.number == to.protocol {
			what |= protocol.mark
		}
	}
	block := s.sets[first+setID(slot/podsPerBlock)]
	isNarrowest := true
	for bits := 32; bits > 0; bits-- {
		network, _ := other.Prefix(bits)
		if m, there := block[ofNetwork(network)]; there && isNarrowest {
			if m.value&(what<<podShift(slot)) != 0 {
				return true
			}
			isNarrowest = false
		}
		if _, there := s.sets[ports][ofPort(pod, to.protocol, to.port, network)]; there {
			return true
		}
	}
	return false
}

func (s *state) isRefused(address netip.Addr) bool {
	for bits := 32; bits > 0; bits-- {
		network, _ := address.Prefix(bits)
		if _, there := s.sets[refused][ofNetwork(network)]; there {
			return true
		}
	}
	return false
}
