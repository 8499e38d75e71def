package netview

import "strconv"

// Follower is one who is told of a node's view.
type Follower struct {
	views *Views
	node  *node
}

// Follow begins to follow a node's view, also that of one which is not there yet. The follower is to be closed.
func (v *Views) Follow(name string) *Follower {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := v.nodeOf(name)
	n.followers++
	if n.newest() == nil {
		v.look(n, all)
	}
	return &Follower{views: v, node: n}
}

// Close ends it.
func (f *Follower) Close() {
	f.views.change(func() {
		f.node.followers--
		f.views.forget(f.node)
	})
}

// Current is the newest view, and a channel that is closed when there is a newer one.
func (f *Follower) Current() (*View, <-chan struct{}) {
	f.views.mu.Lock()
	defer f.views.mu.Unlock()
	return f.node.newest(), f.node.changed
}

// At is an earlier view by its version, nil if it is not kept any more.
func (f *Follower) At(version string) *View {
	number, err := strconv.ParseUint(version, 10, 64)
	if err != nil {
		return nil
	}
	f.views.mu.Lock()
	defer f.views.mu.Unlock()
	for _, view := range f.node.kept {
		if view.number == number {
			return view
		}
	}
	return nil
}
