package overlay

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// tick is how often everything is looked at that time changes.
	tick = 200 * time.Millisecond
	// upkeepEvery is how often routes and rules are set again.
	upkeepEvery = time.Minute
	// maxEvents are probes that wait to be looked at; more are dropped.
	maxEvents = 4096
)

// node decides, in one goroutine, with whom this node speaks, under which keys and on which ways.
type node struct {
	options *Options
	keys    *keyring
	bind    *bind
	network *network // nil while the node has no range
	view    wire.Network
	refused map[string]string
	peers   map[string]*peer
	events  chan arrivedProbe
	woken   chan struct{}
	// results are what calls to the control plane leave to be done, each in the one goroutine.
	results   chan func() error
	addresses addresses
	reports   reports
	switches  atomic.Uint64
	status    atomic.Pointer[status]
}

func newNode(o *Options) (*node, error) {
	keys, err := openKeyring(o.Dir, o.rotateAfter)
	if err != nil {
		return nil, fmt.Errorf("Cannot open the overlay's keys: %w", err)
	}
	return &node{
		options: o, keys: keys, peers: map[string]*peer{},
		events: make(chan arrivedProbe, maxEvents), woken: make(chan struct{}, 1), results: make(chan func() error, 4),
	}, nil
}

func (n *node) run(ctx context.Context, newest <-chan wire.Network) error {
	defer n.close()
	ticker, upkeep := time.NewTicker(tick), time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	defer upkeep.Stop()
	for {
		var gone chan struct{}
		if n.network != nil {
			gone = n.network.wireguard.Wait()
		}
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-gone:
			return fmt.Errorf("Cannot go on with the overlay: its device %s is gone", n.options.Device)
		case view := <-newest:
			err = n.update(ctx, view, time.Now())
		case arrived := <-n.events:
			n.heard(arrived, time.Now())
		case result := <-n.results:
			err = result()
		case <-n.woken:
			err = n.step(ctx, time.Now())
		case <-ticker.C:
			err = n.step(ctx, time.Now())
		case <-upkeep.C:
			n.restore(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// restore sets again what others may have removed from the kernel.
func (n *node) restore(ctx context.Context) {
	if err := closeCluster(n.options.Cluster); err != nil {
		klog.ErrorS(err, "The cluster's network is open")
	}
	if n.network == nil {
		return
	}
	go func() { // which may have to wait for others that change rules, while peers come and go
		if err := clampSegments(ctx, n.options.Device); err != nil {
			klog.ErrorS(err, "TCP's segments are not clamped")
		}
	}()
	for _, p := range n.peers {
		for _, address := range p.addresses() {
			if err := n.network.route(address, p.routed); err != nil {
				klog.ErrorS(err, "A peer is not reached", "peer", p.name)
			}
		}
	}
}

func (n *node) close() {
	if n.network != nil {
		n.network.close()
		n.network = nil
	}
}

// update takes what the control plane says now.
func (n *node) update(ctx context.Context, view wire.Network, now time.Time) error {
	before := n.view
	n.view = view
	if !view.Self.Range.IsValid() {
		n.view.Peers = nil
	} else if err := checkSelf(view.Self, n.options.Cluster); err != nil {
		klog.ErrorS(err, "The control plane's word is not taken")
		n.view = before
		return nil
	}
	if n.network != nil && reflect.DeepEqual(n.view.Self, before.Self) && reflect.DeepEqual(n.view.Peers, before.Peers) {
		return nil // what has changed is not the overlay's
	}
	if view.Self.Range != before.Self.Range || n.network == nil {
		if err := n.reopen(ctx); err != nil {
			return err
		}
	}
	peers, refused := peersOf(n.view, n.options.Cluster, n.keys.owns)
	if !maps.Equal(refused, n.refused) {
		for _, name := range slices.Sorted(maps.Keys(refused)) {
			klog.InfoS("A peer is refused", "peer", name, "why", refused[name])
		}
		n.refused = refused
	}
	if n.network == nil {
		return nil
	}
	return n.apply(peers, now)
}

// reopen makes the device anew for the node's range, if it has one.
func (n *node) reopen(ctx context.Context) error {
	for name := range n.peers {
		delete(n.peers, name)
	}
	n.close()
	pods := n.view.Self.Range
	if !pods.IsValid() {
		return nil
	}
	b := &bind{own: wire.OwnAddress(pods), device: n.options.Device, port: n.options.Port}
	b.directory.Store(&directory{})
	b.onProbe = func(arrived arrivedProbe) {
		select {
		case n.events <- arrived:
		default:
		}
	}
	b.wake = func() {
		select {
		case n.woken <- struct{}{}:
		default:
		}
	}
	network, err := openNetwork(ctx, n.options.Device, pods, b)
	if err != nil {
		return err
	}
	n.network, n.bind = network, b
	return network.setKey(n.keys.current.Bytes())
}

// step does what time asks for.
func (n *node) step(ctx context.Context, now time.Time) error {
	if err := n.stepKeys(ctx, now); err != nil {
		return err
	}
	if n.network == nil {
		return nil
	}
	if changed, err := n.addresses.refresh(n.options, now); err != nil {
		klog.ErrorS(err, "Cannot read this machine's addresses")
	} else if changed {
		n.moved(now)
	}
	for _, p := range n.peers {
		if err := n.stepPeer(p, now); err != nil {
			return err
		}
	}
	n.report(ctx, now)
	n.observe()
	return nil
}
