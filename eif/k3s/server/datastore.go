package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers/generic"
	"github.com/k3s-io/kine/pkg/endpoint"
)

// startDatastore serves the etcd API from a sqlite database on a Unix socket and returns the socket's URL.
// It ends with the context, and wait then returns.
func startDatastore(ctx context.Context, o *Options) (etcdURL string, wait func(), err error) {
	var running sync.WaitGroup
	config, err := endpoint.Listen(ctx, endpoint.Config{
		WaitGroup: &running,
		Listener:  "unix://" + o.path("kine.sock"),
		Endpoint: "sqlite://" + o.path("db", "state.db") +
			"?_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate",
		ConnectionPoolConfig: generic.ConnectionPoolConfig{MaxIdle: 8},
		// kine serves no watches, silently, when one of these is zero.
		NotifyInterval:        5 * time.Second,
		EmulatedETCDVersion:   "3.6.0",
		CompactInterval:       5 * time.Minute,
		CompactIntervalJitter: 0,
		CompactTimeout:        5 * time.Second,
		CompactMinRetain:      1000,
		CompactBatchSize:      1000,
		PollBatchSize:         500,
		PollInterval:          time.Second,
	})
	if err != nil {
		return "", nil, fmt.Errorf("start datastore: %w", err)
	}
	return config.Endpoints[0], running.Wait, nil
}
