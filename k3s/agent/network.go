package agent

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// errOtherRange says that the addresses of this node's pods are those of other pods now.
var errOtherRange = errors.New("this node was given another range for its pods")

// network keeps what the control plane says of this node's network. While the server is away, the last that it said
// holds; so it does for the next agent, until the server says more.
type network struct {
	check networkCheck
	file  string
	stats networkStats
	// silence is how long the server may say nothing.
	silence time.Duration

	now latest[wire.Network]
	// resume is the version from which the server may go on; empty: it must say everything anew.
	resume string
	// taken are the bytes of all lines since the last that held everything: what is kept of them is no more.
	taken int
}

// openNetwork begins with what an earlier agent knew.
func openNetwork(o *Options) *network {
	n := &network{
		check: networkCheck{node: o.NodeName, ranges: o.ranges},
		file:  o.path("network.json"), silence: 3 * wire.NetworkSilence,
	}
	if err := n.readFile(); err != nil {
		klog.ErrorS(err, "Cannot go on with the network that was known before; waiting for the server's")
	}
	return n
}

// newest returns the network of now, and what is closed when there is another.
func (n *network) newest() (wire.Network, <-chan struct{}) { return n.now.get() }

// follow tells the network of now, and each newest one after that, until the context ends. Whoever is slow misses what
// came between. One in which the node has no range of addresses is no network yet.
func (n *network) follow(ctx context.Context, tell func(wire.Network)) error {
	for {
		now, changed := n.newest()
		if now.Self.Range.IsValid() {
			tell(now)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// known waits until there is a network, which it returns.
func (n *network) known(ctx context.Context) (wire.Network, error) {
	ctx, found := context.WithCancel(ctx)
	defer found()
	var network wire.Network
	err := n.follow(ctx, func(now wire.Network) { network = now; found() })
	if network.Self.Range.IsValid() {
		return network, nil
	}
	return network, err
}

// run asks the server for as long as the context lives, and again whenever it hangs up, is silent or says what cannot be.
func (n *network) run(ctx context.Context, client *client) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	listen := func(ctx context.Context) error {
		err := n.listen(ctx, client)
		if errors.Is(err, errOtherRange) {
			end(errors.Join(err, n.forget()))
		}
		return err
	}
	return again(ctx, listen, func(err error, retryAfter time.Duration) {
		n.stats.reconnects.Add(1)
		klog.ErrorS(err, "The network's stream ended; what is known holds", "retryAfter", retryAfter)
	})
}

// listen takes lines until the connection ends, which it does when the server is silent.
func (n *network) listen(ctx context.Context, client *client) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	silent := time.AfterFunc(n.silence, func() { end(errors.New("the server is silent")) })
	defer silent.Stop()
	body, err := client.open(ctx, http.MethodGet, wire.NetworkPath+"?version="+url.QueryEscape(n.resume), nil)
	if err != nil {
		return cause(ctx, err)
	}
	defer body.Close()
	lines := bufio.NewScanner(heard{body, func() { silent.Reset(n.silence) }})
	lines.Buffer(nil, wire.MaxNetworkLine)
	for lines.Scan() {
		if err := n.take(lines.Bytes()); err != nil {
			return err
		}
		n.stats.heard(len(lines.Bytes()))
	}
	switch err := lines.Err(); {
	case err == nil:
		return io.ErrUnexpectedEOF
	case errors.Is(err, bufio.ErrTooLong):
		return n.refuse(err)
	default:
		return cause(ctx, err)
	}
}

// heard tells of every byte that arrives.
type heard struct {
	io.Reader
	tell func()
}

func (h heard) Read(b []byte) (int, error) {
	count, err := h.Reader.Read(b)
	if count > 0 {
		h.tell()
	}
	return count, err
}

// cause prefers why a context ended to that it did.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// refuse has what is known hold, and the next connection ask for everything.
func (n *network) refuse(err error) error {
	n.stats.refusedLines.Add(1)
	n.resume = ""
	return fmt.Errorf("Cannot use what the server says of the network: %w", err)
}

// take applies one line, unless it cannot be.
func (n *network) take(line []byte) error {
	update, refused, err := n.read(line)
	if err == nil {
		err = n.apply(update, len(line))
	}
	if err != nil {
		return n.refuse(err)
	}
	if len(refused) > 0 {
		n.stats.leftOut.Add(int64(len(refused)))
		klog.ErrorS(refused[0], "Left out what is malformed of what the server says of the network", "count", len(refused))
	}
	return nil
}

// read decodes a line and takes out of it what is malformed by itself.
func (n *network) read(line []byte) (update wire.NetworkUpdate, refused []error, err error) {
	if err := json.Unmarshal(line, &update); err != nil {
		return update, nil, err
	}
	if update.Self != nil {
		if err := n.check.self(update.Self); err != nil {
			return update, nil, err
		}
	}
	known, _ := n.newest()
	own := known.Self.Range
	if update.Self != nil && update.Self.Range.IsValid() {
		own = update.Self.Range
	}
	return update, n.check.entries(own, &update), nil
}

// apply makes an update hold, if it can follow what is known.
func (n *network) apply(update wire.NetworkUpdate, bytes int) error {
	before, _ := n.newest()
	switch known := before.Self.Range; {
	case update.Version == "":
		return errors.New("a line has no version")
	case !update.Reset && n.resume == "":
		return errors.New("the first line does not hold everything")
	case update.Self != nil && known.IsValid() && !update.Self.Range.IsValid():
		return errors.New("the node has no range of addresses any more")
	case update.Self != nil && known.IsValid() && update.Self.Range != known:
		return fmt.Errorf("%w, %s instead of %s", errOtherRange, update.Self.Range, known)
	case !update.Reset && update.Version == n.resume:
		if !reflect.DeepEqual(update, wire.NetworkUpdate{Version: update.Version}) {
			return errors.New("a line changes something under the version of the line before")
		}
		return nil // it says only that the server is there
	case update.Reset:
		n.taken = 0
	}
	if n.taken += bytes; n.taken > wire.MaxNetworkBytes {
		return fmt.Errorf("the lines since the last that held everything are longer than %d bytes", wire.MaxNetworkBytes)
	}
	n.now.set(before.Apply(update))
	n.resume = update.Version
	return nil
}
