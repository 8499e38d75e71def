package overlay

import (
	"net/netip"
	"sync/atomic"
	"time"

	"daasvader/k3s/wire"
)

const (
	// relayRate is how much one peer may have forwarded, in bytes a second, relayBurst how much of it at once. What is
	// more, is dropped; there is no queue but the kernel's, of which one peer's burst is a small part.
	relayRate  = 32 << 20
	relayBurst = 512 << 10
)

// relay forwards frames between two of this node's clients. It has the packets of one read, until they are flushed.
type relay struct {
	to      netip.Addr
	packets [][]byte

	forwarded, forwardedBytes, dropped atomic.Uint64
}

// forward makes a frame from a peer one to its receiver, where it lies.
func (r *relay) forward(inner *socket, d *directory, from *member, f frame, packet []byte) {
	to := d.members[f.peer]
	if inner == nil || to == nil || to == from || !from.grants.Load().isClient || !to.grants.Load().isClient || !to.isReachedDirectly() ||
		!from.allowance.AllowN(time.Now(), len(packet)) {
		r.dropped.Add(1)
		return
	}
	if to.address != r.to || len(r.packets) == maxSegments {
		r.flush(inner)
	}
	delivered := frame{kind: frameDeliver, peer: from.address}
	if way := from.path.Load(); way != nil {
		delivered.seen = way.direct
	}
	delivered.header(packet)
	r.to, r.packets = to.address, append(r.packets, packet)
}

// flush sends what was forwarded since the last time.
func (r *relay) flush(inner *socket) {
	if len(r.packets) == 0 {
		return
	}
	inner.send(nil, r.packets, netip.AddrPortFrom(r.to, wire.RelayPort))
	for _, packet := range r.packets {
		r.forwardedBytes.Add(uint64(len(packet)))
	}
	r.forwarded.Add(uint64(len(r.packets)))
	clear(r.packets)
	r.packets = r.packets[:0]
}
