package isolation

import (
	"fmt"
	"strings"
)

// contents are those of all sets, as the kernel has them or as they must be.
type contents [setCount]members

// change is what leads from some contents to others: first all that closes, then all that opens. So at no moment is
// anything open that is neither before nor after, and whom nothing changes for notices nothing.
type change struct {
	closing, opening []string
	entries          int
}

// script is the input of ipset restore.
func (c *change) script() string {
	return strings.Join(c.closing, "") + strings.Join(c.opening, "")
}

// changeTo compares sets. Opening begins with who is who and ends with what they may.
func changeTo(live, wanted *contents) *change {
	c := &change{}
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
	}
}

func (c *change) add(id setID, e entry, m mark) {
	if id == refused {
		c.closing = append(c.closing, kinds[id].add(e, m))
	} else {
		c.opening = append(c.opening, kinds[id].add(e, m))
	}
}

func (k setKind) add(e entry, m mark) string {
	if k.hasMark {
		return fmt.Sprintf("add %s %s skbmark %#x/%#x\n", k.name, k.text(e), m.value, m.mask)
	}
	return fmt.Sprintf("add %s %s\n", k.name, k.text(e))
}
