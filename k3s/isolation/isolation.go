// Package isolation keeps the pods of a node apart from each other and from everything that is not theirs to reach, with
// rules in the kernel that follow what the control plane says of the network.
package isolation

import (
	"context"
	"errors"
	"net/netip"

	"github.com/prometheus/client_golang/prometheus"

	"daasvader/k3s/wire"
)

// Options say what does not change while a node runs.
type Options struct {
	// Node is this node's name.
	Node string
	// OverlayDevice is the link to the pods of other nodes.
	OverlayDevice string
	// Cluster is the range of all pods, Service that of Services.
	Cluster, Service netip.Prefix
	// DNS is the cluster's DNS address, on which this node answers its pods.
	DNS netip.Addr
	// Refused are networks that pods never reach, besides all that are not the public internet: the control plane's.
	Refused []netip.Prefix
}

// Isolation holds the rules of a node.
type Isolation struct {
	options Options
	ready   chan struct{}
}

// Close isolates every pod from everything, unless rules of an earlier run stand: they go on until the network is known.
func Close(ctx context.Context) error { return errors.ErrUnsupported }

// KeepClosed looks after what Close set until stop returns.
func KeepClosed(ctx context.Context) (stop func()) { return func() {} }

// New makes the isolation of a node; nothing of it stands before Run.
func New(o Options) *Isolation { return &Isolation{options: o, ready: make(chan struct{})} }

// Update tells the network of now. It never blocks; the newest counts.
func (i *Isolation) Update(network wire.Network) {}

// Ready is closed when the rules for the first network stand.
func (i *Isolation) Ready() <-chan struct{} { return i.ready }

// Run makes the kernel's rules follow the network until the context ends, and sets them again when somebody changed them.
// They stay when it ends.
func (i *Isolation) Run(ctx context.Context) error { return errors.ErrUnsupported }

// Collector counts what the rules hold and drop, for Prometheus.
func (i *Isolation) Collector() prometheus.Collector {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: "isolation_pods", Help: "Pods of this node."})
}
