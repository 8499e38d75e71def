package overlay

import (
	"testing"
	"time"
)

// measure lets a way be measured that carries packets up to a size.
func measure(s *sizing, carries int, d time.Duration, isSilent bool) {
	now := s.next
	for end := now.Add(d); now.Before(end); now = now.Add(tick) {
		for _, size := range s.due(now, isSilent) {
			if size <= carries {
				s.passed(size, now)
			}
		}
	}
}

func TestSizesAreMeasuredBeforeTheyAreUsed(t *testing.T) {
	var s sizing
	for _, step := range []struct {
		name     string
		carries  int
		isSilent bool
		want     int
	}{
		{"a wide way", 9000, false, maxInside},
		{"one that has become narrow", 1216, false, 1216},
		{"one that has become narrower still", 0, false, minInside},
		{"one that is wide again", 1400, false, maxInside},
		{"one that is silent, which says nothing about sizes", 0, true, maxInside},
	} {
		measure(&s, step.carries, 2*sizingEvery, step.isSilent)
		if s.inside() != step.want {
			t.Errorf("%s: %d bytes are used instead of %d", step.name, s.inside(), step.want)
		}
	}
}

func TestTheSafeSizeIsUsedAtFirst(t *testing.T) {
	var s sizing
	if s.inside() != minInside {
		t.Errorf("%d bytes are used before anything is measured", s.inside())
	}
}

func TestWhatIsInsideFitsOutside(t *testing.T) {
	outside := func(inside int) int { return (inside+15)/16*16 + minMessage + 28 }
	if got := outside(1216); got > 1280 {
		t.Errorf("A packet of 1216 bytes is one of %d outside", got)
	}
	if got := outside(minInside + minMessage + frameHeader + 28); got > 1280 {
		t.Errorf("A packet of %d bytes is one of %d outside of a relay's tunnel", minInside, got)
	}
	if got := maxInside + minMessage + frameHeader + 28; got > deviceMTU {
		t.Errorf("The device carries %d bytes, and a frame has %d", deviceMTU, got)
	}
}
