package server

import (
	"context"
	"sync"
)

// turns lets each identity do something that goes on a few times at once: one more ends the oldest.
type turns struct {
	each int

	mu      sync.Mutex
	running map[string][]*turn
}

type turn struct{ end context.CancelFunc }

func newTurns(each int) *turns { return &turns{each: each, running: map[string][]*turn{}} }

// enter returns a context that ends when it is another's turn; leave is to be called at the end.
func (t *turns) enter(ctx context.Context, who string) (mine context.Context, leave func()) {
	mine, end := context.WithCancel(ctx)
	own := &turn{end}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running[who] = append(t.running[who], own)
	if all := t.running[who]; len(all) > t.each {
		all[0].end()
		t.running[who] = all[1:]
	}
	return mine, func() {
		end()
		t.remove(who, own)
	}
}

func (t *turns) remove(who string, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make([]*turn, 0, t.each)
	for _, other := range t.running[who] {
		if other != own {
			kept = append(kept, other)
		}
	}
	if t.running[who] = kept; len(kept) == 0 {
		delete(t.running, who)
	}
}
