package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/generic"
	"github.com/k3s-io/kine/pkg/drivers/sqlite"
	"github.com/k3s-io/kine/pkg/endpoint"
	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/logstructured/sqllog"
	"github.com/k3s-io/kine/pkg/server"
)

const pageSize = 4096

// datastore is a running one.
type datastore struct {
	etcdURL string
	fill    *fill
	dialect *generic.Generic
	log     *boundedLog
	// wait returns when the datastore has ended, which it does with its context.
	wait func()
}

// startDatastore serves the etcd API from a sqlite database on a Unix socket, until the context ends.
func startDatastore(ctx context.Context, o *Options) (*datastore, error) {
	limit, err := datastoreLimit(o)
	if err != nil {
		return nil, fmt.Errorf("start datastore: %w", err)
	}
	d := &datastore{fill: &fill{limit: limit, directory: o.path("db")}}
	logDiscreetly()
	var running sync.WaitGroup
	d.wait = running.Wait
	drivers.Register("bounded", func(ctx context.Context, wg *sync.WaitGroup, config *drivers.Config) (bool, server.Backend, error) {
		backend, err := d.open(ctx, wg, config)
		return false, backend, err
	})
	config, err := endpoint.Listen(ctx, endpoint.Config{
		WaitGroup:            &running,
		Listener:             "unix://" + o.path("kine.sock"),
		Endpoint:             "bounded://" + o.path("db", "state.db") + "?" + sqliteSettings(limit),
		ConnectionPoolConfig: generic.ConnectionPoolConfig{MaxIdle: 8},
		// kine serves no watches, silently, when one of these is zero.
		NotifyInterval:      5 * time.Second,
		EmulatedETCDVersion: "3.6.0",
		// kine's own rhythm is off: the API server compacts every five minutes, and relieve when it is urgent.
		CompactInterval:  0,
		CompactTimeout:   5 * time.Second,
		CompactMinRetain: 0,
		CompactBatchSize: 100, // more would hold up writes while large objects are freed
		PollBatchSize:    500,
		PollInterval:     time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("start datastore: %w", err)
	}
	d.etcdURL = config.Endpoints[0]
	running.Go(func() { d.log.follow(ctx) })
	running.Go(func() { relieve(ctx, d.fill, d.dialect, d.log) })
	return d, nil
}

// open puts our bounds and our honesty around kine's log in sqlite.
func (d *datastore) open(ctx context.Context, wg *sync.WaitGroup, config *drivers.Config) (server.Backend, error) {
	_, dialect, err := sqlite.NewVariant(ctx, wg, "sqlite3", config)
	if err != nil {
		return nil, err
	}
	if err := d.fill.measure(ctx, dialect); err != nil {
		return nil, err
	}
	d.dialect, d.log = dialect, &boundedLog{Log: sqllog.New(dialect, wg, config), fill: d.fill}
	return &honestBackend{Backend: logstructured.New(d.log), log: d.log}, nil
}

// sqliteSettings are what every connection begins with, in this order: whether space can be given back is decided
// before the journal's mode writes the first page. SQLite's own limit leaves room above ours, in which compaction
// works when ours is reached. A vacuum at the start would need the space twice.
func sqliteSettings(limit int64) string {
	pragmas := []string{
		"busy_timeout(30000)",
		"auto_vacuum(incremental)",
		"journal_mode(WAL)",
		fmt.Sprintf("journal_size_limit(%d)", limit/16),
		fmt.Sprintf("max_page_count(%d)", (limit+limit/8)/pageSize),
	}
	return "_txlock=immediate&_kine_disable_startup_vacuum=1&_pragma=" + strings.Join(pragmas, "&_pragma=")
}
