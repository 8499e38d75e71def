package overlay

import "time"

const (
	// maxInside is the largest packet of a pod that goes to another node, in bytes.
	maxInside = 1280
	// minInside always goes where networks carry 1280 bytes, as IPv6 demands of each: through a relay, 1280 less twice
	// what WireGuard adds (60 bytes, and filling to a multiple of 16) and a frame in UDP.
	minInside = 1136
	// deviceMTU is the device's own: a packet of maxInside, encrypted, in a frame to a relay (UDP and IP: 28 bytes).
	deviceMTU = (maxInside + minMessage + frameHeader + 28 + 15) / 16 * 16
)

// insideSizes are those that are tried, largest first, above minInside, which needs no trial: 1216 is what fits, not
// relayed, through networks of 1280.
var insideSizes = []int{maxInside, 1216}

const (
	// sizingTries are how many probes of a size are lost before it counts as too large, sizingPause is between them.
	sizingTries = 3
	sizingPause = 400 * time.Millisecond
	// sizingEvery is the time after which a way in use is measured again.
	sizingEvery = 30 * time.Second
)

// sizing measures the largest packet that goes a way, by probes that are as long as what WireGuard makes of it.
type sizing struct {
	measured int
	// best and tries are of the round that goes on, next is when its next step is due.
	best, tries int
	next        time.Time
}

// inside is the largest packet of a pod that may go this way.
func (s *sizing) inside() int { return max(minInside, s.measured) }

// due returns the sizes to try now. Nothing is concluded from a way that is silent altogether.
func (s *sizing) due(now time.Time, isSilent bool) []int {
	if now.Before(s.next) {
		return nil
	}
	if s.tries == sizingTries {
		if !isSilent {
			s.measured = s.best
		}
		s.finish(now)
		return nil
	}
	s.tries++
	s.next = now.Add(sizingPause)
	for i, size := range insideSizes {
		if size <= s.best {
			return insideSizes[:i]
		}
	}
	return insideSizes
}

// passed notes that a packet of that size, from inside, would have gone.
func (s *sizing) passed(size int, now time.Time) {
	s.best, s.measured = max(s.best, size), max(s.measured, size)
	if size == maxInside {
		s.finish(now)
	}
}

func (s *sizing) finish(now time.Time) { s.best, s.tries, s.next = 0, 0, now.Add(sizingEvery) }
