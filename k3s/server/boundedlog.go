package server

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/k3s-io/kine/pkg/logstructured"
	kine "github.com/k3s-io/kine/pkg/server"
	"github.com/k3s-io/kine/pkg/ttl"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
)

const (
	// writeMark is the share of the limit from which the datastore takes deletes only: a delete is a row, too, which
	// holds what it deleted until the next compaction.
	writeMark = 0.95
	// rowBytes is what a row takes beside its values: its columns and its entries in six indices.
	rowBytes = 1024
)

// boundedLog refuses to grow beyond the limit, and tells those who called it why a row was not written.
type boundedLog struct {
	logstructured.Log
	fill            *fill
	told, compacted atomic.Int64
}

// Append writes a row, or says why not, also into the context's outcome.
func (l *boundedLog) Append(ctx context.Context, event *kine.Event) (int64, error) {
	revision, err := l.append(ctx, event)
	if err != kine.ErrKeyExists {
		outcomeOf(ctx).set(err)
	}
	return revision, err
}

func (l *boundedLog) append(ctx context.Context, event *kine.Event) (int64, error) {
	if !l.hasRoom(ctx, event) {
		return 0, status.Errorf(codes.ResourceExhausted, "etcdserver: mvcc: database space exceeded: %.0f%% of %d bytes are in use",
			l.fill.share()*100, l.fill.limit)
	}
	revision, err := l.Log.Append(ctx, event)
	if err == nil && revision != 0 {
		// The former value is written again beside the new one; it had about the same size.
		l.fill.grew(2*int64(len(event.KV.Value)) + rowBytes)
	}
	return revision, err
}

// hasRoom says whether a row fits. A delete waits, for a while, until compaction has made room for it.
func (l *boundedLog) hasRoom(ctx context.Context, event *kine.Event) bool {
	if !event.Delete {
		return l.fill.share() < writeMark
	}
	for deadline := time.Now().Add(3 * measureInterval); !l.fill.hasRoomForDelete(); {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(measureInterval / 20):
		}
		if time.Now().After(deadline) {
			return false
		}
	}
	l.fill.deletes.Add(1)
	return true
}

// follow keeps the revision up to which everybody who watches has been told, until the context ends. What is younger
// must not be compacted: it would be gone without a word.
func (l *boundedLog) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if told := l.Watch(ctx); told != nil {
			for batch := range told {
				l.told.Store(batch.CurrentRev)
			}
		}
		select { // it ended, or did not begin
		case <-ctx.Done():
		case <-time.After(measureInterval):
		}
	}
}

// outcome is why a write failed. kine takes the failure of a row for a conflict, looks whether the key exists, and
// when it does not, answers that it was created: on a full disk writes were acknowledged and lost.
type outcome struct {
	mu  sync.Mutex
	err error
}

type outcomeKey struct{}

func outcomeOf(ctx context.Context) *outcome {
	o, _ := ctx.Value(outcomeKey{}).(*outcome)
	return o
}

// set notes what became of a row; kine may try twice, and the last one counts.
func (o *outcome) set(err error) {
	if o == nil { // kine's own writes, which nobody waits for
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// or is the failure of a key's row if there was one, and otherwise what kine says.
func (o *outcome) or(key string, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		klog.ErrorS(o.err, "Cannot write to the datastore", "key", key)
		return fmt.Errorf("Cannot write to the datastore: %w", o.err)
	}
	return err
}

// honestBackend answers a write with an error whenever its row was not written.
type honestBackend struct {
	kine.Backend
	log *boundedLog
}

// Start does what kine's own does, but deletes what has expired through us: kine would forget a key whose deletion
// failed, and keep it for ever.
func (b *honestBackend) Start(ctx context.Context) error {
	if err := b.log.Start(ctx); err != nil {
		return err
	}
	if _, err := b.Create(ctx, kine.HealthKey, []byte(kine.HealthVal), 0); err != nil && err != kine.ErrKeyExists {
		return err
	}
	go ttl.Run(ctx, b)
	return nil
}

func withOutcome(ctx context.Context) (context.Context, *outcome) {
	o := &outcome{}
	return context.WithValue(ctx, outcomeKey{}, o), o
}

// Create writes a key that must not exist.
func (b *honestBackend) Create(ctx context.Context, key string, value []byte, lease int64) (int64, error) {
	ctx, outcome := withOutcome(ctx)
	revision, err := b.Backend.Create(ctx, key, value, lease)
	return revision, outcome.or(key, err)
}

// Update writes a key that must be at a revision.
func (b *honestBackend) Update(ctx context.Context, key string, value []byte, revision, lease int64) (int64, *kine.KeyValue, bool, error) {
	ctx, outcome := withOutcome(ctx)
	newRevision, kv, updated, err := b.Backend.Update(ctx, key, value, revision, lease)
	return newRevision, kv, updated, outcome.or(key, err)
}

// Delete removes a key that must be at a revision.
func (b *honestBackend) Delete(ctx context.Context, key string, revision int64) (int64, *kine.KeyValue, bool, error) {
	ctx, outcome := withOutcome(ctx)
	newRevision, kv, deleted, err := b.Backend.Delete(ctx, key, revision)
	return newRevision, kv, deleted, outcome.or(key, err)
}
