package server

import (
	"context"
	"fmt"
	"time"

	"github.com/k3s-io/kine/pkg/drivers/generic"
	kine "github.com/k3s-io/kine/pkg/server"
	"k8s.io/klog/v2"
)

const (
	measureInterval = time.Second
	// pressureShare is how full the datastore is when history no longer waits for the API server's five minutes.
	pressureShare = 0.5
	// shortShare is how full it is when no history stays.
	shortShare = 0.7
	// spareShare of the limit may lie in free pages; what is more goes back to the file system.
	spareShare = 16
	// vacuumPages are given back in one second: 8 MiB, in a transaction of some milliseconds.
	vacuumPages = 2048
)

// relieve measures the datastore every second until the context ends, drops history when it takes much of it, and
// gives free pages back.
func relieve(ctx context.Context, f *fill, dialect *generic.Generic, log *boundedLog) {
	ticker := time.NewTicker(measureInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := f.measure(ctx, dialect); err != nil {
			klog.ErrorS(err, "Cannot measure the datastore")
			continue
		}
		if isCompactionUrgent(f, log) {
			if err := compact(ctx, f, dialect, log); err != nil {
				klog.ErrorS(err, "Cannot compact the datastore")
			}
		}
		if err := vacuum(ctx, f, dialect); err != nil {
			klog.ErrorS(err, "Cannot give back free pages of the datastore")
		}
	}
}

// isCompactionUrgent says whether history is an eighth of the limit, or whether there is something to win and not much
// room left.
func isCompactionUrgent(f *fill, log *boundedLog) bool {
	history, share := f.history.Load(), f.share()
	return history > f.limit/8 || share > pressureShare && history > f.limit/128 ||
		share > shortShare && log.told.Load() > log.compacted.Load()
}

// compact drops history, as far as everybody who watches has been told of it. Who begins to watch further back is told
// to list anew.
func compact(ctx context.Context, f *fill, dialect *generic.Generic, log *boundedLog) error {
	before, target := f.history.Load(), log.told.Load()
	if _, err := log.Compact(ctx, target); err != nil && err != kine.ErrCompacted {
		return err
	}
	// kine logs what it fails with, and answers that all is well.
	done, err := log.CompactRevision(ctx)
	if err != nil || done < target {
		return fmt.Errorf("compacted to revision %d, not %d: %w", done, target, err)
	}
	log.compacted.Store(done)
	f.history.Add(-before)
	return f.measure(ctx, dialect)
}

// vacuum gives some free pages back, when there are many.
func vacuum(ctx context.Context, f *fill, dialect *generic.Generic) error {
	var free int64
	if err := dialect.DB.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
		return err
	}
	if free*pageSize < f.limit/spareShare {
		return nil
	}
	// One row for each page: the statement has given back what was asked for when all were read.
	rows, err := dialect.DB.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}
