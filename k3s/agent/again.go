package agent

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// steadyFor is how long something must have gone well for its next failure to count as the first.
const steadyFor = time.Minute

// again runs something that ends with an error sooner or later, such as a connection, until the context ends. The pauses
// between grow up to 5 s; failed is told of each.
func again(ctx context.Context, run func(context.Context) error, failed func(err error, retryAfter time.Duration)) error {
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 6, Cap: 5 * time.Second}
	for pause := backoff; ctx.Err() == nil; {
		started := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(started) > steadyFor {
			pause = backoff
		}
		delay := pause.Step()
		failed(err, delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}
