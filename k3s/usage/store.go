package usage

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// shortest and youngest bound the time over which usage is measured: what ran shorter says little.
	shortest = time.Second
	youngest = 10 * time.Second
	// freshFor is how long what a kubelet said counts; a node that is silent for longer uses nobody knows what.
	freshFor = 2 * time.Minute
)

// usage is what something used, on the average of a window that ended when the kubelet was asked.
type usage struct {
	cores  float64
	memory int64 // bytes
	window time.Duration
}

// store keeps what each kubelet said last and what follows from that.
type store struct {
	now   func() time.Time
	mu    sync.RWMutex
	nodes map[string]*history
}

// history is of one node.
type history struct {
	asked      time.Time
	last       *sample
	node       *usage
	containers map[container]usage
}

func newStore() *store {
	return &store{now: time.Now, nodes: map[string]*history{}}
}

// put takes in what a node's kubelet says now. What it said before of the same is forgotten.
func (s *store) put(node string, told *sample) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.nodes[node]
	if before == nil {
		before = &history{last: &sample{}}
	}
	next := &history{asked: s.now(), last: told, containers: make(map[container]usage, len(told.containers))}
	known, isKnown := before.node, before.node != nil
	if !isKnown {
		known = &usage{}
	}
	if used, at, is := told.node.since(before.last.node, *known, isKnown); is {
		next.node, told.node = &used, at
	}
	for key, is := range told.containers {
		known, isKnown := before.containers[key]
		if used, at, does := is.since(before.last.containers[key], known, isKnown); does {
			next.containers[key], told.containers[key] = used, at
		}
	}
	s.nodes[node] = next
}

// since is what was used from the point before to this one, and the point to go on from. A kubelet that looks less often
// than it is asked says the same again: what was known then still holds.
func (p point) since(before point, known usage, isKnown bool) (usage, point, bool) {
	if !p.isComplete() {
		return usage{}, p, false
	}
	isSame := before.isComplete() && p.started.Equal(before.started)
	window := p.at.Sub(before.at)
	switch {
	case isSame && window == 0 && isKnown:
		return known, before, true
	case isSame && window >= shortest && p.cpu >= before.cpu:
		return p.over(window, p.cpu-before.cpu), p, true
	}
	if age := p.at.Sub(p.started); !p.started.IsZero() && age >= youngest && age < freshFor {
		return p.over(age, p.cpu), p, true
	}
	return usage{}, p, false
}

func (p point) over(window time.Duration, cpu float64) usage {
	return usage{cores: min(cpu/window.Seconds(), maxCores), memory: int64(p.memory), window: window}
}

// forget drops what is known of nodes that have gone.
func (s *store) forget(isGone func(node string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for node := range s.nodes {
		if isGone(node) {
			delete(s.nodes, node)
		}
	}
}

// ofNode returns what a node uses and when its kubelet was asked.
func (s *store) ofNode(node string) (usage, time.Time, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	history := s.fresh(node)
	if history == nil || history.node == nil {
		return usage{}, time.Time{}, false
	}
	return *history.node, history.asked, true
}

// ofPod returns what each container of a pod uses that its node's kubelet tells of; nothing while one is not measured yet.
func (s *store) ofPod(node string, pod types.UID, names []string) (map[string]usage, time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	history := s.fresh(node)
	if history == nil {
		return nil, time.Time{}
	}
	used := map[string]usage{}
	for _, name := range names {
		key := container{pod, name}
		if _, isTold := history.last.containers[key]; !isTold {
			continue
		}
		each, isMeasured := history.containers[key]
		if !isMeasured {
			return nil, time.Time{}
		}
		used[name] = each
	}
	return used, history.asked
}

func (s *store) fresh(node string) *history {
	history := s.nodes[node]
	if history == nil || s.now().Sub(history.asked) > freshFor {
		return nil
	}
	return history
}
