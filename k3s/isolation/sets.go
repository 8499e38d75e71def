package isolation

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A set of the kernel holds entries; rules ask it about a packet's addresses and ports, and some sets answer with a mark.
type setID int

const (
	// local are this node's pods. As a mark: which bits of the blocks below are the pod's.
	local setID = iota
	// remote is all that may come out of the overlay: pods of other nodes, and the own addresses of those nodes.
	remote
	// nodes are the own addresses of other nodes.
	nodes
	// groups are the pods that reach each other unless policies say otherwise; the mark is the group's number, so that
	// those of two addresses, one XORed onto the other, leave zero within one group only.
	groups
	// inBase and outBase are the local pods without policies in a direction; inOpen are those of inBase that other nodes reach.
	inBase
	inOpen
	outBase
	// inPorts and outPorts are {local pod, port of the receiver, other side}.
	inPorts
	outPorts
	// refused are the networks that no pod reaches.
	refused
	// inBlocks and outBlocks are 64 sets each, one for four addresses of the node's range: {other side} with a mark of which
	// of the four it may reach, or be reached by, and with what. So a pod of a thousand peers costs no more than the peers.
	inBlocks
	outBlocks = inBlocks + blocks
	setCount  = outBlocks + blocks
)

const (
	blocks       = 64
	podsPerBlock = 4
	// markMask selects the bits of a packet's mark that isolation uses while it judges; kube-proxy uses lower ones.
	markMask  = 0xffff0000
	markShift = 16
)

// What a block's mark says of one pod, in four bits.
const (
	markTCP = 1 << iota
	markUDP
	markSCTP
	markAll // and whatever other protocol
	podBits = 4
)

// setKind is how ipset creates a set.
type setKind struct {
	name, kind string
	hasMark    bool
	max        int
}

const (
	hashIP        = "hash:ip"
	hashNet       = "hash:net"
	hashIPPortNet = "hash:ip,port,net"
)

var kinds = makeKinds()

func makeKinds() (kinds [setCount]setKind) {
	kinds[local] = setKind{"K3S-LOCAL", hashIP, true, 256}
	kinds[remote] = setKind{"K3S-REMOTE", hashIP, false, 1 << 20}
	kinds[nodes] = setKind{"K3S-NODES", hashIP, false, 1 << 16}
	kinds[groups] = setKind{"K3S-GROUPS", hashIP, true, 1 << 20}
	kinds[inBase] = setKind{"K3S-IN-BASE", hashIP, false, 256}
	kinds[inOpen] = setKind{"K3S-IN-OPEN", hashIP, false, 256}
	kinds[outBase] = setKind{"K3S-OUT-BASE", hashIP, false, 256}
	kinds[inPorts] = setKind{"K3S-IN-PORTS", hashIPPortNet, false, 256 * maxEntries}
	kinds[outPorts] = setKind{"K3S-OUT-PORTS", hashIPPortNet, false, 256 * maxEntries}
	kinds[refused] = setKind{"K3S-REFUSED", hashNet, false, 1 << 16}
	for n := range setID(blocks) {
		kinds[inBlocks+n] = setKind{fmt.Sprintf("K3S-IN-%d", n), hashNet, true, podsPerBlock * maxEntries}
		kinds[outBlocks+n] = setKind{fmt.Sprintf("K3S-OUT-%d", n), hashNet, true, podsPerBlock * maxEntries}
	}
	return kinds
}

// create is the line that makes a set; live ones are shown so too, and then what the kernel adds.
func (k setKind) create() string {
	return fmt.Sprintf("create %s %s family inet hashsize 64 maxelem %d%s", k.name, k.kind, k.max, map[bool]string{true: " skbinfo"}[k.hasMark])
}

// entry is of any set: an address, a network, or a local pod with a port and a network.
type entry struct {
	address  [4]byte
	network  [4]byte
	bits     uint8
	protocol uint8
	port     uint16
}

// mark is what a set makes of a packet's: (before &^ mask) ^ value.
type mark struct{ value, mask uint32 }

// members are the entries of a set.
type members map[entry]mark

func ofAddress(address netip.Addr) entry { return entry{address: address.As4()} }

func ofNetwork(network netip.Prefix) entry {
	return entry{network: network.Addr().As4(), bits: uint8(network.Bits())}
}

func ofPort(pod netip.Addr, protocol uint8, port uint16, network netip.Prefix) entry {
	e := ofNetwork(network)
	e.address, e.protocol, e.port = pod.As4(), protocol, port
	return e
}

// protocolNames are ipset's.
var protocolNames = map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp", unix.IPPROTO_SCTP: "sctp"}

// text is the entry as ipset writes it.
func (k setKind) text(e entry) string {
	network := netip.PrefixFrom(netip.AddrFrom4(e.network), int(e.bits)).String()
	network = strings.TrimSuffix(network, "/32")
	switch k.kind {
	case hashIP:
		return netip.AddrFrom4(e.address).String()
	case hashNet:
		return network
	}
	return fmt.Sprintf("%s,%s:%d,%s", netip.AddrFrom4(e.address), protocolNames[e.protocol], e.port, network)
}

// parse reads what ipset writes.
func (k setKind) parse(text string) (e entry, err error) {
	switch k.kind {
	case hashIP:
		address, err := netip.ParseAddr(text)
		if err != nil || !address.Is4() {
			return e, fmt.Errorf("%q is no address", text)
		}
		return ofAddress(address), nil
	case hashNet:
		network, err := parseNetwork(text)
		return ofNetwork(network), err
	}
	parts := strings.Split(text, ",")
	if len(parts) != 3 {
		return e, fmt.Errorf("%q is not an address, a port and a network", text)
	}
	pod, err := netip.ParseAddr(parts[0])
	if err != nil || !pod.Is4() {
		return e, fmt.Errorf("%q is no address", parts[0])
	}
	network, err := parseNetwork(parts[2])
	if err != nil {
		return e, err
	}
	name, number, _ := strings.Cut(parts[1], ":")
	port, err := strconv.ParseUint(number, 10, 16)
	for protocol, known := range protocolNames {
		if known == name && err == nil {
			return ofPort(pod, protocol, uint16(port), network), nil
		}
	}
	// Somebody else's, of a protocol that is never ours: an entry of its own kind, so that it is taken away again.
	return e, fmt.Errorf("%q is no port", parts[1])
}

func parseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") {
		text += "/32"
	}
	network, err := netip.ParsePrefix(text)
	if err != nil || !network.Addr().Is4() {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), fmt.Errorf("%q is no network", text)
	}
	return network, nil
}

// number is an address as the number that it is.
func number(address netip.Addr) uint32 {
	bytes := address.As4()
	return binary.BigEndian.Uint32(bytes[:])
}
