package overlay

import (
	"encoding/binary"
	"net/netip"
)

// A frame carries what two nodes send each other through a third, in UDP between own addresses, inside of WireGuard: the
// relay knows its sender by the source address. To the relay it names the receiver; the relay puts the sender in that
// place, and where it sees the sender:
//
//	kind (1) | address in the overlay (4) | endpoint's address (4) and port (2) | what WireGuard or a probe sent
//
// Both kinds are equally long, so that a relay changes them where they lie.
const (
	frameForward = 1
	frameDeliver = 2
	frameHeader  = 11
)

type frame struct {
	kind byte
	// peer is the receiver, or the sender of what a relay delivers.
	peer netip.Addr
	// seen is where a relay sees the sender; invalid where it sees none.
	seen netip.AddrPort
	// payload is within the frame.
	payload []byte
}

// header writes all but the payload.
func (f frame) header(into []byte) {
	into[0] = f.kind
	address := f.peer.As4()
	copy(into[1:], address[:])
	putEndpoint(into[5:], f.seen)
}

// parseFrame says whether the packet is a frame with something in it that the overlay sends.
func parseFrame(packet []byte) (frame, bool) {
	if len(packet) < frameHeader+minMessage || (packet[0] != frameForward && packet[0] != frameDeliver) {
		return frame{}, false
	}
	f := frame{
		kind:    packet[0],
		peer:    netip.AddrFrom4([4]byte(packet[1:5])),
		seen:    endpoint(packet[5:]),
		payload: packet[frameHeader:],
	}
	return f, isProbe(f.payload) || isWireGuard(f.payload)
}

// minMessage is the least that WireGuard sends: a transport message with nothing in it.
const minMessage = 32

// isWireGuard says whether the packet has the form of one of WireGuard's four messages.
func isWireGuard(packet []byte) bool {
	if len(packet) < minMessage {
		return false
	}
	kind := binary.LittleEndian.Uint32(packet)
	return kind >= 1 && kind <= 4
}

// putEndpoint writes an endpoint's six bytes; zeros where there is none.
func putEndpoint(into []byte, e netip.AddrPort) {
	clear(into[:6])
	if e.Addr().Is4() {
		address := e.Addr().As4()
		copy(into, address[:])
		binary.BigEndian.PutUint16(into[4:], e.Port())
	}
}

// endpoint reads what putEndpoint wrote.
func endpoint(from []byte) netip.AddrPort {
	port := binary.BigEndian.Uint16(from[4:6])
	if port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(from[:4])), port)
}
