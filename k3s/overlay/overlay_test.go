package overlay

import (
	"testing"
	"time"
)

const patience = 15 * time.Second

func TestTwoNodesReachEachOther(t *testing.T) {
	b := newBed(t)
	a, c := b.public("a"), b.public("c")
	a.start()
	c.start()
	a.mustReach(c, patience)
	c.mustReach(a, patience)
	b.eventually("they speak directly", patience, func() bool { return a.has("peers direct", 1) && c.has("peers direct", 1) })
}

func TestNodeBehindNATIsReachedAfterItDialsOut(t *testing.T) {
	for name, random := range map[string]bool{"which keeps ports": false, "which chooses ports": true} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			a, c := b.public("a"), b.hidden("c", random)
			a.start()
			c.start()
			a.mustReach(c, patience)
			c.mustReach(a, patience)
			b.eventually("they speak directly", patience, func() bool { return a.has("peers direct", 1) && c.has("peers direct", 1) })
		})
	}
}

func TestTwoBehindNATMeetThroughARelay(t *testing.T) {
	b := newBed(t)
	r, a, c := b.public("r"), b.hidden("a", true), b.hidden("c", true)
	a.relays, c.relays = []string{"r"}, []string{"r"}
	r.start()
	a.start()
	c.start()
	a.mustReach(c, patience)
	c.mustReach(a, patience)
	b.eventually("they speak through the relay", patience, func() bool { return a.has("peers relayed", 1) && c.has("peers relayed", 1) })
	if m := r.collect(); m["relay_forwarded_total"] == 0 {
		t.Errorf("The relay forwarded nothing: %v", m)
	}
}

func TestTwoBehindNATLeaveTheRelay(t *testing.T) {
	b := newBed(t)
	r, a, c := b.public("r"), b.hidden("a", false), b.hidden("c", false)
	a.relays, c.relays = []string{"r"}, []string{"r"}
	r.start()
	a.start()
	c.start()
	a.mustReach(c, patience)
	b.eventually("a and c speak directly", patience, func() bool { return a.has("peers direct", 2) && c.has("peers direct", 2) })
	a.mustReach(c, time.Second)
}
