// Package overlay carries packets between this node and those that it has to do with: WireGuard over UDP, straight where
// that goes, otherwise through a peer that forwards the ciphertext.
package overlay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"daasvader/k3s/wire"
)

// ErrKeyRefused is what Options.Prove returns, wrapped or not, for a key that the control plane will never take for this
// node, such as another node's.
var ErrKeyRefused = errors.New("the key was refused")

// Options are of one node.
type Options struct {
	// Node is its name.
	Node string
	// Dir is where its keys are kept; it is made when it is not there.
	Dir string
	// Device is the name of the network device, such as daas0.
	Device string
	// Port is WireGuard's, of UDP.
	Port int
	// Address is the node's own IPv4 address on the machine's network, where others may reach Port.
	Address netip.Addr
	// Cluster is the network of all pods. What has no peer there is unreachable.
	Cluster netip.Prefix
	// Prove claims a key; the control plane's answer is nil, ErrKeyRefused, or an error after which it is asked again.
	Prove func(context.Context, wire.KeyProof) error
	// Report tells the control plane how this node is reached.
	Report func(context.Context, wire.NetworkReport) error

	rotateAfter time.Duration
	relayRate   rate.Limit
}

// Overlay is this node's end of the network between nodes.
type Overlay struct {
	options Options
	// newest holds at most one network: the last that Update was given.
	newest  chan wire.Network
	running atomic.Pointer[node]
}

// New checks the options; nothing is changed before Run.
func New(o Options) (*Overlay, error) {
	switch {
	case o.Node == "" || o.Dir == "" || o.Device == "" || o.Prove == nil || o.Report == nil:
		return nil, errors.New("Cannot make the overlay: node, directory, device, Prove and Report are needed")
	case o.Port < 1 || o.Port > 65535:
		return nil, fmt.Errorf("Cannot make the overlay: %d is no UDP port", o.Port)
	case !o.Address.Is4():
		return nil, fmt.Errorf("Cannot make the overlay: %s is no IPv4 address of the node", o.Address)
	case !o.Cluster.Addr().Is4() || o.Cluster != o.Cluster.Masked():
		return nil, fmt.Errorf("Cannot make the overlay: %s is no IPv4 network", o.Cluster)
	}
	o.rotateAfter, o.relayRate = rotateAfter, relayRate
	return &Overlay{options: o, newest: make(chan wire.Network, 1)}, nil
}

// Run keeps the overlay up until the context ends, then removes its device. What was reached through it is unreachable
// from then on.
func (o *Overlay) Run(ctx context.Context) error {
	if err := closeCluster(o.options.Cluster); err != nil {
		return err
	}
	n, err := newNode(&o.options)
	if err != nil {
		return err
	}
	o.running.Store(n)
	return n.run(ctx, o.newest)
}

// Update tells the overlay what the control plane says now. It never blocks; the newest counts.
func (o *Overlay) Update(network wire.Network) {
	for {
		select {
		case o.newest <- network:
			return
		default:
		}
		select {
		case <-o.newest:
		default:
		}
	}
}
