// Package netview keeps, for each node, what it is to know of the cluster's network: peers, pods, Services, compiled
// policies. Objects go in as they change, and each change touches only the nodes that it concerns. It writes nothing.
package netview

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"daasvader/k3s/wire"
)

const (
	// gather is how long changes are waited for that come with a first one, before nodes are told.
	gather = 5 * time.Millisecond
	// relaysEvery is the shortest time between two choices of relays, each of which looks at all nodes.
	relaysEvery = time.Second
)

// Options are of the cluster.
type Options struct {
	// Cluster and Services are the networks of pods and of Services.
	Cluster, Services netip.Prefix
	// Challenge is the key against which nodes prove theirs.
	Challenge wire.WireGuardKey
}

// Views are those of all nodes.
type Views struct {
	options Options
	now     func() time.Time

	mu         sync.Mutex
	known      bool // whether all that there is has been seen once
	number     uint64
	nodes      map[string]*node
	namespaces map[string]*namespace
	owners     map[string]*owner
	addresses  map[netip.Addr][]*pod // who says that it has an address; the first one has it
	ending     map[*pod]time.Time    // by when those that are deleted have to end
	ranges     map[netip.Prefix]int  // how many nodes have a range
	keys       map[wire.WireGuardKey]claim
	revoked    map[string]bool

	dirty    dirty
	relaysAt time.Time // when relays were chosen last
	wake     chan struct{}
}

// dirty is what has changed since nodes were told.
type dirty struct {
	namespaces map[*namespace]bool
	owners     map[*owner]bool // of which links may have changed
	nodes      map[*node]aspect
	relays     bool // whether relays are to be chosen anew
}

// aspect is what of a node's view may have changed.
type aspect int

const (
	// contents are its namespaces and policies, sharing the nodes with which it shares some, peers all about peers.
	contents aspect = 1 << iota
	sharing
	peers
	all = contents | sharing | peers
)

// New makes views of a cluster of which nothing is known yet.
func New(o Options) *Views {
	v := &Views{
		options:    o,
		now:        time.Now,
		nodes:      map[string]*node{},
		namespaces: map[string]*namespace{},
		owners:     map[string]*owner{},
		addresses:  map[netip.Addr][]*pod{},
		ending:     map[*pod]time.Time{},
		ranges:     map[netip.Prefix]int{},
		keys:       map[wire.WireGuardKey]claim{},
		wake:       make(chan struct{}, 1),
	}
	// Versions of different boots of the server are different ones, and grow.
	v.number = uint64(v.now().UnixMilli()) << 20
	v.dirty = cleanDirty()
	return v
}

func cleanDirty() dirty {
	return dirty{namespaces: map[*namespace]bool{}, owners: map[*owner]bool{}, nodes: map[*node]aspect{}}
}

// IsKnown says whether everything has been seen once; before that, no view counts.
func (v *Views) IsKnown() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.known
}

// change runs something that changes what is known, and has nodes told soon.
func (v *Views) change(what func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	what()
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// keepTelling brings the views up to date whenever something has changed, until the context ends.
func (v *Views) keepTelling(ctx context.Context) error {
	again := time.NewTicker(relaysEvery) // relays that were not chosen anew because they had just been
	defer again.Stop()
	for {
		select {
		case <-v.wake:
			time.Sleep(gather)
		case <-again.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		v.refresh()
	}
}

// refresh brings the views up to date.
func (v *Views) refresh() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.endOverdue()
	for o := range v.dirty.owners {
		v.link(o)
	}
	for n := range v.dirty.namespaces {
		v.show(n)
	}
	for n, aspects := range v.dirty.nodes {
		if aspects&sharing != 0 {
			v.share(n)
		}
	}
	if v.dirty.relays && v.now().Sub(v.relaysAt) >= relaysEvery {
		v.chooseRelays()
	}
	for n, aspects := range v.dirty.nodes {
		v.look(n, aspects)
	}
	relays := v.dirty.relays
	v.dirty = cleanDirty()
	v.dirty.relays = relays
}

// touch notes that a node's view may have changed.
func (v *Views) touch(n *node, what aspect) { v.dirty.nodes[n] |= what }

func (v *Views) touchEverybody(what aspect) {
	for _, n := range v.nodes {
		v.touch(n, what)
	}
}
