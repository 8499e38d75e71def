package isolation

import (
	"maps"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/wire"
)

// maxEntries bounds what the policies of one pod hold of the kernel in one direction: peers, networks, and for ports that
// are not a whole protocol, each port of each of those, as often as policies name it.
const maxEntries = 16384

var protocols = map[corev1.Protocol]struct {
	number uint8
	mark   uint32
}{
	corev1.ProtocolTCP:  {unix.IPPROTO_TCP, markTCP},
	corev1.ProtocolUDP:  {unix.IPPROTO_UDP, markUDP},
	corev1.ProtocolSCTP: {unix.IPPROTO_SCTP, markSCTP},
}

// direction is where what policies say of it goes.
type direction struct {
	*state
	base, ports, blocks setID
	// used counts the entries of each pod that a policy speaks of.
	used map[netip.Addr]int
}

// addPolicies fills the sets of both directions: what policies allow, and which pods have none.
func (s *state) addPolicies(policies map[string]wire.Policy) {
	in := &direction{s, inBase, inPorts, inBlocks, map[netip.Addr]int{}}
	out := &direction{s, outBase, outPorts, outBlocks, map[netip.Addr]int{}}
	for _, key := range slices.Sorted(maps.Keys(policies)) { // in order: what is beyond a bound must not vary
		policy := policies[key]
		for _, pod := range policy.Pods {
			if !s.pods[pod].isLocal {
				continue
			}
			if policy.IsIngress {
				in.take(pod, policy.Ingress)
			}
			if policy.IsEgress {
				out.take(pod, policy.Egress)
			}
		}
	}
	for address, pod := range s.pods {
		if !pod.isLocal {
			continue
		}
		if in.addBase(address) && pod.owner == "" {
			s.sets[inOpen][ofAddress(address)] = mark{}
		}
		out.addBase(address)
	}
	out.coverNarrower()
}

// addBase gives a pod that no policy speaks of the baseline, and says whether it is one.
func (d *direction) addBase(pod netip.Addr) bool {
	if _, has := d.used[pod]; has {
		return false
	}
	d.sets[d.base][ofAddress(pod)] = mark{}
	return true
}

// take allows a pod what one of its policies does, and itself.
func (d *direction) take(pod netip.Addr, rules []wire.PolicyRule) {
	if _, has := d.used[pod]; !has {
		d.used[pod] = 0
		d.allow(pod, netip.PrefixFrom(pod, 32), nil)
	}
	for _, rule := range rules {
		for _, peer := range rule.Pods {
			if info, known := d.pods[peer]; known && info.owner == d.pods[pod].owner {
				d.allow(pod, netip.PrefixFrom(peer, 32), rule.Ports)
			}
		}
		if d.base != outBase {
			continue // nothing comes in from the internet
		}
		for _, network := range rule.Nets {
			for _, part := range without(network, d.cluster) {
				d.allow(pod, part, rule.Ports)
			}
		}
	}
}

// allow lets a pod and a network speak on ports, or on all.
func (d *direction) allow(pod netip.Addr, network netip.Prefix, ports []wire.PortRange) {
	if len(ports) == 0 {
		d.add(pod, network, markAll)
	}
	for _, r := range ports {
		protocol, known := protocols[r.Protocol]
		switch {
		case !known || r.First > r.Last:
		case r.First <= 1 && r.Last == 65535:
			d.add(pod, network, protocol.mark)
		default:
			for port := int(r.First); port <= int(r.Last); port++ {
				if !d.spend(pod) { // also for what is there already: a bound of the work, too
					d.excess += int(r.Last) - port
					break
				}
				d.sets[d.ports][ofPort(pod, protocol.number, uint16(port), network)] = mark{}
			}
		}
	}
}

// add notes in the pod's block what it may speak with a network.
func (d *direction) add(pod netip.Addr, network netip.Prefix, what uint32) {
	slot := pod.As4()[3]
	block := d.sets[d.blocks+setID(slot/podsPerBlock)]
	bits := what << podShift(slot)
	before := block[ofNetwork(network)].value
	if before&(0xf<<podShift(slot)) == 0 && !d.spend(pod) {
		return
	}
	block[ofNetwork(network)] = mark{value: before | bits}
}

// spend takes one of the entries that a pod may have.
func (d *direction) spend(pod netip.Addr) bool {
	if d.used[pod] == maxEntries {
		d.excess++
		return false
	}
	d.used[pod]++
	return true
}

// coverNarrower gives each network of a block what wider ones around it allow: the kernel asks the narrowest only.
func (d *direction) coverNarrower() {
	for n := range setID(blocks) {
		block := d.sets[d.blocks+n]
		lengths := map[int]bool{}
		for e := range block {
			lengths[int(e.bits)] = true
		}
		for narrow, m := range block {
			for bits := range lengths {
				if bits < int(narrow.bits) {
					wide, _ := netip.AddrFrom4(narrow.network).Prefix(bits)
					m.value |= block[ofNetwork(wide)].value
				}
			}
			block[narrow] = m
		}
	}
}

// without returns the parts of a network that are outside of a hole.
func without(network, hole netip.Prefix) (parts []netip.Prefix) {
	network = network.Masked()
	if !network.IsValid() || !network.Addr().Is4() {
		return nil
	}
	if !network.Overlaps(hole) {
		return []netip.Prefix{network}
	}
	if network.Bits() >= hole.Bits() {
		return nil // within it
	}
	low := netip.PrefixFrom(network.Addr(), network.Bits()+1)
	upper := network.Addr().As4()
	upper[network.Bits()/8] |= 0x80 >> (network.Bits() % 8)
	high := netip.PrefixFrom(netip.AddrFrom4(upper), network.Bits()+1)
	return append(without(low, hole), without(high, hole)...)
}
