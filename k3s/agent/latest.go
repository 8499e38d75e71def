package agent

import "sync"

// latest holds a value of which only the newest counts.
type latest[T any] struct {
	mu      sync.Mutex
	value   T
	changed chan struct{}
}

// get returns the value, and what is closed when there is another.
func (l *latest[T]) get() (T, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.value, l.changed
}

func (l *latest[T]) set(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value = value
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}
