package overlay

import (
	"net/netip"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// evidenceWithin is how long after a packet the peer must have got one.
	evidenceWithin = 5 * time.Second
	// distrust is how long a way is left alone that carries probes and nothing else.
	distrust = 2 * time.Minute
	// maxAge is the greatest number of seconds that an answer can tell.
	maxAge = 255
)

// sentPacket notes that something was sent to the peer that it ought to get.
func (m *member) sentPacket(now time.Time) {
	if m.owesSince.Load() == 0 {
		m.owesSince.CompareAndSwap(0, now.UnixNano())
	}
}

// age is how many seconds ago a packet of the peer came last that was authentic.
func (m *member) age(now time.Time) byte {
	return byte(min(maxAge, now.Sub(time.Unix(0, m.got.Load()))/time.Second))
}

// weigh takes the peer's word on how long ago it got a packet of ours. A way that answers probes while nothing else gets
// through, as a relay's may that means no good, is left.
func (n *node) weigh(p *peer, age byte, now time.Time) {
	owes := p.owesSince.Load()
	if owes == 0 || p.paths.active == nil {
		return
	}
	since := time.Unix(0, owes)
	if !now.Add(-time.Duration(age) * time.Second).Before(since) {
		p.owesSince.Store(0)
		return
	}
	if now.Sub(since) > evidenceWithin {
		klog.InfoS("A way carries probes and nothing else", "peer", p.name, "way", p.paths.active.path)
		p.paths.active.distrusted = now.Add(distrust)
		p.owesSince.Store(0) // the next way has as long
	}
}

// witness notes of each packet, decrypted, which peer it came from.
type witness struct {
	bind *bind
	// last is who sent the packet before, and pods that one's range.
	last *member
	pods netip.Prefix
}

func (w *witness) see(packet []byte, now time.Time) {
	if len(packet) < 20 {
		return
	}
	source := netip.AddrFrom4([4]byte(packet[12:16]))
	if !w.pods.Contains(source) {
		w.pods = wire.RangeOf(source)
		w.last = w.bind.directory.Load().members[wire.OwnAddress(w.pods)]
	}
	if w.last != nil {
		w.last.got.Store(now.UnixNano())
	}
}
