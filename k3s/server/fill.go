package server

import (
	"context"
	"sync/atomic"

	"github.com/k3s-io/kine/pkg/server"
	"k8s.io/apimachinery/pkg/runtime/schema"

	own "daasvader/k3s/admission"
)

// fill says how full the datastore is. It is measured in pages that are in use, once a second; what is written
// meanwhile is added, so that it never says less than there is.
type fill struct {
	limit     int64
	directory string

	measured  atomic.Int64
	available atomic.Int64
	// since is what was written after the last measure, history after the last compaction.
	since, history atomic.Int64
	// deletes are those after the last measure, of which nobody knows how large what they deleted was.
	deletes atomic.Int64
}

// measure counts the pages in use, and what the file system has left.
func (f *fill) measure(ctx context.Context, dialect server.Dialect) error {
	before, deletes := f.since.Load(), f.deletes.Load()
	size, err := dialect.GetSize(ctx)
	if err != nil {
		return err
	}
	available, err := availableBytes(f.directory)
	if err != nil {
		return err
	}
	if deletes > 0 {
		// What nobody counted are copies of what was deleted, and what was deleted is history as well.
		f.history.Add(2 * max(0, size-f.measured.Load()-before))
	}
	f.measured.Store(size)
	f.available.Store(available)
	f.since.Add(-before)
	f.deletes.Add(-deletes)
	return nil
}

// grew notes a write.
func (f *fill) grew(bytes int64) {
	f.since.Add(bytes)
	f.history.Add(bytes)
}

// hasRoomForDelete says whether a delete fits below the limit, or into half of what SQLite has above it, if all since the
// last measure deleted an object of the largest size.
func (f *fill) hasRoomForDelete() bool {
	largest := float64(own.MaxUserBytes(schema.GroupResource{Resource: "secrets"}))
	return f.share() < 1 && f.share()+float64(f.deletes.Load())*largest/float64(f.limit) < 1+1./16
}

// bytes is how much is in use.
func (f *fill) bytes() int64 { return f.measured.Load() + f.since.Load() }

// share is how much of the limit is in use: 0 to 1, or above. A file system that others fill lowers the limit to what
// is left there, of which the journal may need half.
func (f *fill) share() float64 {
	room := min(f.limit-f.bytes(), f.available.Load()/2)
	return 1 - float64(room)/float64(f.limit)
}
