package isolation

import (
	"fmt"
	"net/netip"
	"strings"
)

// contents are those of all sets, as the kernel has them or as they must be.
type contents [setCount]members

// change is what leads from some contents to others: first all that closes, then all that opens. So at no moment is
// anything open that is neither before nor after, and whom nothing changes for notices nothing.
type change struct {
	closing, opening []string
	entries          int
	// suspects are those whose connections may be among what closes.
	suspects suspects
}

// script is the input of ipset restore.
func (c *change) script() string {
	return strings.Join(c.closing, "") + strings.Join(c.opening, "")
}

// changeTo compares sets. Opening begins with who is who and ends with what they may.
func changeTo(live, wanted *contents) *change {
	c := &change{suspects: suspects{addresses: map[netip.Addr]bool{}}}
	for id := range setID(setCount) {
		kind := kinds[id]
		for e, m := range live[id] {
			after, stays := wanted[id][e]
			if stays && after == m {
				continue
			}
			c.entries++
			if !stays {
				c.remove(id, e)
			}
			if common := m.value & after.value; stays && id >= inBlocks && common != 0 {
				if common != m.value { // what the entry allows no more goes first
					c.closing = append(c.closing, kind.add(e, mark{value: common}))
					c.suspect(id, e)
				}
			} else if stays {
				c.remove(id, e)
			}
			if stays {
				c.add(id, e, after)
			}
		}
		for e, m := range wanted[id] {
			if _, there := live[id][e]; !there {
				c.entries++
				c.add(id, e, m)
			}
		}
	}
	return c
}

// remove and add know that what is in the set of refused networks is closed, and what is in any other is open.
func (c *change) remove(id setID, e entry) {
	line := fmt.Sprintf("del %s %s\n", kinds[id].name, kinds[id].text(e))
	if id == refused {
		c.opening = append(c.opening, line)
	} else {
		c.closing = append(c.closing, line)
		c.suspect(id, e)
	}
}

func (c *change) add(id setID, e entry, m mark) {
	if id == refused {
		c.closing = append(c.closing, kinds[id].add(e, m))
		c.suspects.all = true
	} else {
		c.opening = append(c.opening, kinds[id].add(e, m))
	}
}

// suspect notes one end of what an entry allowed: the local pod's, or that of the only address.
func (c *change) suspect(id setID, e entry) {
	switch {
	case kinds[id].kind != hashNet:
		c.suspects.addresses[netip.AddrFrom4(e.address)] = true
	case e.bits == 32:
		c.suspects.addresses[netip.AddrFrom4(e.network)] = true
	default:
		c.suspects.all = true
	}
}

func (k setKind) add(e entry, m mark) string {
	if k.hasMark {
		return fmt.Sprintf("add %s %s skbmark %#x/%#x\n", k.name, k.text(e), m.value, m.mask)
	}
	return fmt.Sprintf("add %s %s\n", k.name, k.text(e))
}
