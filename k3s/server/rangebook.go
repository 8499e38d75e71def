package server

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"daasvader/k3s/wire"
)

// rangeRest is how long a range that was a node's is nobody's. It outlasts whatever remembers an address without being
// told: sessions of WireGuard and the kernel's table of UDP (3 minutes), answers of DNS (seconds), nodes that have lost
// the control plane for a moment. And it is short enough that 4,096 ranges serve 400 joins a minute.
const rangeRest = 10 * time.Minute

// rangeBook says who has a range of pod addresses, or had it.
type rangeBook map[netip.Prefix]holder

type holder struct {
	node string
	// left is when the node was found to be gone; zero while it is there.
	left time.Time
}

// parseRangeBook reads what text wrote; what it cannot read is nobody's, and told.
func parseRangeBook(data map[string]string, cluster netip.Prefix) (book rangeBook, problems []error) {
	book = rangeBook{}
	for first, text := range data {
		name, left, hasLeft := strings.Cut(text, " ")
		h := holder{node: name}
		address, err := netip.ParseAddr(first)
		if hasLeft && err == nil {
			h.left, err = time.Parse(time.RFC3339, left)
		}
		pods := netip.PrefixFrom(address, wire.RangeBits)
		if err != nil || name == "" || !wire.IsNodeRange(pods, cluster) {
			problems = append(problems, fmt.Errorf("%.60q: %.60q is no range of a node", first, text))
			continue
		}
		book[pods] = h
	}
	return book, problems
}

// data is the book as a ConfigMap has it.
func (b rangeBook) data() map[string]string {
	data := make(map[string]string, len(b))
	for pods, h := range b {
		text := h.node
		if !h.left.IsZero() {
			text += " " + h.left.UTC().Format(time.RFC3339)
		}
		data[pods.Addr().String()] = text
	}
	return data
}

// note enters what the nodes' objects say, and lets go what has rested.
func (b rangeBook) note(nodes map[string]*corev1.Node, cluster netip.Prefix, now time.Time) {
	for pods, h := range b {
		node := nodes[h.node]
		isThere := node != nil && (node.Spec.PodCIDR == "" || node.Spec.PodCIDR == pods.String())
		switch {
		case isThere && node.Spec.PodCIDR != "":
			h.left = time.Time{}
		case !isThere && (h.left.IsZero() || h.left.After(now)):
			h.left = now
		}
		if b[pods] = h; !h.left.IsZero() && now.Sub(h.left) >= rangeRest {
			delete(b, pods)
		}
	}
	for _, node := range nodes {
		if pods, err := netip.ParsePrefix(node.Spec.PodCIDR); err == nil && wire.IsNodeRange(pods, cluster) {
			b[pods] = holder{node: node.Name}
		}
	}
}

// give finds a range for a node that has none: its own of before, or any that is nobody's and touches none of those that
// are not of the usual size. It says no when there is none.
func (b rangeBook) give(node string, cluster netip.Prefix, unusual []netip.Prefix) (netip.Prefix, bool) {
	isFree := func(pods netip.Prefix) bool {
		for _, other := range unusual {
			if other.Overlaps(pods) {
				return false
			}
		}
		return true
	}
	for pods, h := range b {
		if h.node == node && isFree(pods) {
			b[pods] = holder{node: node}
			return pods, true
		}
	}
	count := 1 << (wire.RangeBits - cluster.Bits())
	// Nobody is to foresee which node follows another in its range.
	start := rand.New(secretSource{}).IntN(count)
	for step := range count {
		pods := rangeAt(cluster, (start+step)%count)
		if _, isTaken := b[pods]; !isTaken && isFree(pods) {
			b[pods] = holder{node: node}
			return pods, true
		}
	}
	return netip.Prefix{}, false
}

func rangeAt(cluster netip.Prefix, index int) netip.Prefix {
	first := cluster.Addr().As4()
	number := uint32(first[0])<<16 | uint32(first[1])<<8 | uint32(first[2])
	number += uint32(index)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(number >> 16), byte(number >> 8), byte(number)}), wire.RangeBits)
}
