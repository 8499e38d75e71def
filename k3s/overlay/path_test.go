package overlay

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

var (
	straight = path{direct: netip.MustParseAddrPort("198.51.100.1:51820")}
	roamed   = path{direct: netip.MustParseAddrPort("198.51.100.2:51820")}
	throughR = path{relay: netip.MustParseAddr("10.200.1.1")}
	throughS = path{relay: netip.MustParseAddr("10.200.2.1")}
)

// clock is a time that the test moves on.
type clock struct {
	paths
	now time.Time
}

func newClock(direct, relays []path) *clock {
	c := &clock{now: time.Unix(1e9, 0)}
	c.set(stated, direct, c.now)
	c.set(relayed, relays, c.now)
	return c
}

// pass lets time go by. Whatever is due is probed, and what is alive answers at once.
func (c *clock) pass(d time.Duration, alive ...path) {
	for end := c.now.Add(d); c.now.Before(end); c.now = c.now.Add(tick) {
		for _, candidate := range c.candidates {
			if !c.isDue(candidate, c.now, true) {
				continue
			}
			candidate.probed(c.now)
			for _, way := range alive {
				if way == candidate.path {
					candidate.answered(c.now, 10*time.Millisecond)
				}
			}
		}
		c.choose(c.now)
	}
}

func (c *clock) expect(t *testing.T, way path) {
	t.Helper()
	if c.active == nil || c.active.path != way {
		t.Errorf("The way in use is %v instead of %v", c.active, way)
	}
}

func TestNoWayIsUsedBeforeItAnswers(t *testing.T) {
	c := newClock([]path{straight}, []path{throughR})
	c.pass(time.Minute)
	if c.active != nil {
		t.Errorf("%s is in use, which never answered", c.active.path)
	}
}

func TestTheDirectWayIsPreferred(t *testing.T) {
	c := newClock([]path{straight}, []path{throughR})
	c.pass(5*time.Second, throughR)
	c.expect(t, throughR)
	c.pass(lastRetry+5*time.Second, throughR, straight)
	c.expect(t, straight)
	c.pass(time.Minute, throughR, straight)
	c.expect(t, straight)
}

func TestASilentWayIsLeftWithinSeconds(t *testing.T) {
	c := newClock([]path{straight}, []path{throughR, throughS})
	c.pass(time.Minute, straight, throughR, throughS)
	c.expect(t, straight)
	c.pass(silence+2*busyPing, throughR, throughS)
	c.expect(t, throughR)
	c.pass(silence+2*busyPing, throughS)
	c.expect(t, throughS)
	c.pass(time.Minute, throughR, throughS)
	c.expect(t, throughS) // one relay is not left for another that is no better
}

func TestASingleAnswerLostChangesNothing(t *testing.T) {
	c := newClock([]path{straight}, []path{throughR})
	c.pass(time.Minute, straight, throughR)
	c.pass(busyPing, throughR)
	c.pass(time.Minute, straight, throughR)
	c.expect(t, straight)
}

func TestWhatHasDiedIsUsedUntilAnotherAnswers(t *testing.T) {
	c := newClock([]path{straight}, nil)
	c.pass(10*time.Second, straight)
	c.pass(time.Minute)
	c.expect(t, straight)
	c.pass(time.Minute, straight)
	c.expect(t, straight)
}

func TestAPeerThatMovesIsFollowedAtOnce(t *testing.T) {
	c := newClock([]path{straight}, []path{throughR})
	c.pass(10*time.Second, straight, throughR)
	c.pass(busyPing+tick, throughR)
	c.learn(observed, roamed, maxObserved, c.now)
	c.pass(busyPing, roamed, throughR)
	c.expect(t, roamed)
}

func TestWhatIsObservedIsBounded(t *testing.T) {
	c := newClock([]path{straight}, nil)
	c.pass(10*time.Second, straight)
	for i := range 1000 {
		c.learn(observed, path{direct: netip.MustParseAddrPort(fmt.Sprintf("198.51.%d.%d:9", i/250, i%250))}, maxObserved, c.now)
	}
	if len(c.candidates) > 1+maxObserved {
		t.Errorf("%d ways are tried", len(c.candidates))
	}
	c.expect(t, straight)
}

func TestAStatedWayThatIsTakenBackIsUsedWhileItAnswers(t *testing.T) {
	c := newClock([]path{straight}, nil)
	c.pass(10*time.Second, straight)
	c.set(stated, nil, c.now)
	c.pass(10*time.Second, straight)
	c.expect(t, straight)
}

func TestARelayThatIsTakenBackIsNotUsed(t *testing.T) {
	c := newClock(nil, []path{throughR})
	c.pass(10*time.Second, throughR)
	c.set(relayed, nil, c.now)
	if c.active != nil {
		t.Errorf("%s is in use", c.active.path)
	}
}

func TestSilentWaysAreAskedLessAndLess(t *testing.T) {
	c := newClock([]path{straight}, nil)
	c.pass(10 * time.Minute)
	if tries := c.candidates[0].tries; tries < 15 || tries > 30 {
		t.Errorf("A silent way was asked %d times in ten minutes", tries)
	}
}
