package overlay

import (
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// directory is what those need who handle packets. A change makes a new one.
type directory struct {
	// members are the peers by their addresses in the overlay.
	members map[netip.Addr]*member
	// secrets are those that open probes, and whose they are, by the probes' ids.
	secrets map[[probeID]byte]*acquaintance
}

// member is a peer, as packets see it.
type member struct {
	address netip.Addr
	// path is the way to it; nil before one is known. Atomic, because it changes under way.
	path atomic.Pointer[path]
	// used is when something was sent to it last, in nanoseconds since 1970.
	used atomic.Int64
	// heldUntil is when this node may begin a handshake, in nanoseconds since 1970: two that begin one at once fail both.
	heldUntil atomic.Int64
	// owesSince is when the first packet was sent of those that the peer has not got, as far as it says, and got is when one
	// of it came last; in nanoseconds since 1970, 0: none.
	owesSince, got atomic.Int64
	// grants change with the control plane's word.
	grants atomic.Pointer[grants]
	// allowance is what it may have forwarded, in bytes.
	allowance *rate.Limiter
}

// grants are what the control plane lets a peer do beyond sending its own packets: send to other clients through this
// node, and have what it sent delivered by these relays.
type grants struct {
	isClient bool
	relays   map[netip.Addr]bool
}

func (m *member) isBusy(now time.Time) bool {
	return now.UnixNano()-m.used.Load() < int64(busyFor)
}

func (m *member) isHeld() bool { return time.Now().UnixNano() < m.heldUntil.Load() }

// busyFor is how long after a packet a peer counts as in use.
const busyFor = 10 * time.Second

// acquaintance is one with whom this node has a secret.
type acquaintance struct {
	secret *secret
	peer   string
	member *member
}
