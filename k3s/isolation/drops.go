package isolation

import (
	"fmt"
	"maps"
	"regexp"
	"sync"
)

// dropCounts are the packets that rules dropped, by the reasons that stand in the rules' comments. They never shrink, while
// the kernel begins at 0 when rules are set again.
type dropCounts struct {
	mutex        sync.Mutex
	total, shown map[string]uint64
}

var (
	counted = regexp.MustCompile(`(?m)^\[(\d+):\d+\] |^(:\S+ \S+) \[\d+:\d+\]$`)
	dropped = regexp.MustCompile(`(?m)^\[(\d+):\d+\] -A ` + chainPrefix + `.* --comment (\S+) -j DROP$`)
)

// read takes note of the counters of a saved table, and returns the table without.
func (d *dropCounts) read(saved string) string {
	now := map[string]uint64{}
	for _, match := range dropped.FindAllStringSubmatch(saved, -1) {
		var packets uint64
		fmt.Sscan(match[1], &packets)
		now[match[2]] += packets
	}
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.total == nil {
		d.total = map[string]uint64{}
	}
	for reason, packets := range now {
		if before := d.shown[reason]; packets >= before {
			packets -= before
		}
		d.total[reason] += packets
	}
	d.shown = now
	return counted.ReplaceAllString(saved, "$2")
}

// reasons returns what was dropped so far.
func (d *dropCounts) reasons() map[string]uint64 {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return maps.Clone(d.total)
}
