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
	if m := a.collect(); m["peers direct"] != 1 || m["peers relayed"] != 0 {
		t.Errorf("They reach each other on other ways than the direct one: %v", m)
	}
}
