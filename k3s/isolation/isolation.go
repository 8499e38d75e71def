// Package isolation keeps the pods of a node apart from each other and from everything that is not theirs to reach, with
// rules in the kernel that follow what the control plane says of the network.
package isolation

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	"daasvader/k3s/publicnet"
	"daasvader/k3s/wire"
)

const (
	// checkInterval is how often the rules in the kernel are compared with what they must be. Where that takes long, there is
	// checkShare times as long between two, up to maxCheckInterval.
	checkInterval    = 3 * time.Second
	maxCheckInterval = 30 * time.Second
	checkShare       = 5
	// tries is how often in a row that may fail before Run ends, so that somebody looks.
	tries = 5
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
	metrics *metrics
	ready   chan struct{}
	once    sync.Once

	mutex   sync.Mutex
	newest  *wire.Network
	changed chan struct{}

	// What follows is Run's.
	mangle, nat, raw, six *table
	machine               publicnet.Local
	// state is what was set last, and live what the sets hold then; nil: not known.
	state *state
	live  *contents
	// gone are addresses whose pods are others than before, and unended whose connections may stand that are refused.
	gone    map[netip.Addr]bool
	unended suspects
}

// Close isolates every pod from everything, unless rules of an earlier run stand: they go on until the network is known.
// So no pod that starts before that, as after a boot of the machine, reaches anybody.
func Close(ctx context.Context) error {
	if hasIPv6() {
		if _, err := mangle6().hold(ctx, mangleRules6()); err != nil {
			return err
		}
	}
	mangle := mangle4()
	live, err := mangle.save(ctx)
	if err != nil || mangle.jumpsFirst(live) && isClosed(live) {
		return err
	}
	return mangle.set(ctx, closedRules(), live)
}

// KeepClosed looks after what Close set until stop returns.
func KeepClosed(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if err := Close(ctx); err != nil && ctx.Err() == nil {
				klog.ErrorS(err, "Pods may not be isolated")
			}
		}, checkInterval)
	}()
	return func() { cancel(); <-ended }
}

// New makes the isolation of a node; nothing of it stands before Run.
func New(o Options) *Isolation {
	i := &Isolation{
		options: o, ready: make(chan struct{}), changed: make(chan struct{}, 1), gone: map[netip.Addr]bool{},
		unended: suspects{map[netip.Addr]bool{}, true},
		mangle:  mangle4(), nat: nat4(), raw: raw4(), six: mangle6(),
	}
	i.metrics = newMetrics(i.mangle)
	for _, table := range []*table{i.mangle, i.nat, i.raw, i.six} {
		table.restored = i.metrics.restores.Inc
	}
	return i
}

// Update tells the network of now. It never blocks; the newest counts.
func (i *Isolation) Update(network wire.Network) {
	i.mutex.Lock()
	i.newest = &network
	i.mutex.Unlock()
	select {
	case i.changed <- struct{}{}:
	default: // a change is pending already
	}
}

// Ready is closed when the rules for the first network stand.
func (i *Isolation) Ready() <-chan struct{} { return i.ready }

// Run makes the kernel's rules follow the network until the context ends, and sets them again when somebody changed them.
// They stay when it ends.
func (i *Isolation) Run(ctx context.Context) error {
	check := time.NewTimer(0)
	defer check.Stop()
	for failures := 0; ; {
		isCheck := false
		select {
		case <-i.changed:
		case <-check.C:
			isCheck = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		started := time.Now()
		err := i.apply(ctx, isCheck)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if isCheck || err != nil {
			check.Reset(max(checkInterval, min(checkShare*time.Since(started), maxCheckInterval)))
		}
		if err == nil {
			failures = 0
			continue
		}
		i.live = nil // whatever was done of it
		i.metrics.failures.Inc()
		if failures++; failures == tries {
			return fmt.Errorf("Cannot keep pods isolated, tried %d times: %w", failures, err)
		}
		klog.ErrorS(err, "Pods may not be isolated", "failures", failures)
	}
}

// apply makes the rules those of the newest network; before there is one, none but those that close. What the kernel has is
// read when asked for, or not known: a change of the network alone is applied to what was set last.
func (i *Isolation) apply(ctx context.Context, isCheck bool) error {
	started := time.Now()
	network := i.network()
	if network == nil || !network.Self.Range.IsValid() {
		return Close(ctx)
	}
	isCheck = isCheck || i.live == nil || i.state.own != network.Self.Range
	if isCheck {
		if err := i.prepare(ctx); err != nil {
			return err
		}
	}
	wanted, err := compile(*network, i.options, refusedNetworks(i.machine, i.options), i.numbers(*network))
	if err != nil {
		return err
	}
	if err := i.setSets(ctx, wanted); err != nil {
		return err
	}
	if isCheck {
		if err := i.setRules(ctx, wanted.own); err != nil {
			return err
		}
	}
	if err := i.endFlows(); err != nil {
		return err
	}
	i.metrics.applied(wanted, time.Since(started), isCheck)
	i.once.Do(func() { close(i.ready) })
	return nil
}

// numbers are those of the groups so far; of an earlier run they can be read in the sets.
func (i *Isolation) numbers(network wire.Network) map[string]uint32 {
	if i.state != nil {
		return i.state.numbers
	}
	return readNumbers(network, i.options, i.live[groups])
}

// prepare reads what there is, and sees to what is not about a network.
func (i *Isolation) prepare(ctx context.Context) (err error) {
	if i.machine, err = readMachine(i.options); err != nil {
		return err
	}
	if err := forwardPackets(); err != nil {
		return err
	}
	if hasIPv6() {
		if _, err := i.six.hold(ctx, mangleRules6()); err != nil {
			return err
		}
	}
	return i.readLive(ctx)
}

// readLive reads the sets, and makes those that are not there.
func (i *Isolation) readLive(ctx context.Context) error {
	read, err := readSets(ctx)
	if err != nil {
		return err
	}
	if i.live != nil && !read.holds(i.live) {
		klog.InfoS("Somebody changed the sets that isolate pods: setting them again")
		i.metrics.restores.Inc()
	}
	if len(read.foreign) > 0 {
		klog.InfoS("Sets of our names are of other kinds: making them anew", "count", len(read.foreign))
		if err := i.destroy(ctx, read.foreign); err != nil {
			return err
		}
	}
	var script strings.Builder
	for _, id := range slices.Concat(read.missing, read.foreign) {
		script.WriteString(kinds[id].create() + "\n")
		read.contents[id] = members{}
	}
	script.WriteString(strings.Join(read.strange, ""))
	if err := restore(ctx, script.String()); err != nil {
		return err
	}
	i.live = &read.contents
	return nil
}

// destroy removes sets, and before them the rules that ask them.
func (i *Isolation) destroy(ctx context.Context, sets []setID) error {
	if _, err := i.mangle.hold(ctx, closedRules()); err != nil {
		return err
	}
	if _, err := i.nat.hold(ctx, emptyNatRules()); err != nil {
		return err
	}
	for _, id := range sets {
		if _, err := run(ctx, "", "ipset", "destroy", kinds[id].name); err != nil {
			return err
		}
	}
	return nil
}

// setSets makes the sets those of a state.
func (i *Isolation) setSets(ctx context.Context, wanted *state) error {
	change := changeTo(i.live, &wanted.sets)
	if i.state != nil {
		for address, pod := range i.state.pods {
			if wanted.pods[address] != pod {
				i.gone[address], i.unended.addresses[address] = true, true
			}
		}
	}
	maps.Copy(i.unended.addresses, change.suspects.addresses)
	i.unended.all = i.unended.all || change.suspects.all
	if err := restore(ctx, change.script()); err != nil {
		return err
	}
	if wanted.excess > 0 && (i.state == nil || i.state.excess != wanted.excess) {
		klog.InfoS("Policies allow more than their pods may have entries: the rest is refused", "most", maxEntries, "refused", wanted.excess)
	}
	i.metrics.changes.Add(float64(change.entries))
	i.state, i.live = wanted, &wanted.sets
	return nil
}

// setRules makes the chains what they must be.
func (i *Isolation) setRules(ctx context.Context, own netip.Prefix) error {
	for _, of := range []struct {
		table *table
		rules string
	}{{i.raw, rawRules(i.options)}, {i.nat, natRules(i.options)}, {i.mangle, mangleRules(i.options, own)}} {
		set, err := of.table.hold(ctx, of.rules)
		if err != nil {
			return err
		}
		i.unended.all = i.unended.all || set
	}
	return nil
}

// endFlows ends what the rules of now refuse, where there may be any.
func (i *Isolation) endFlows() error {
	if !i.unended.all && len(i.unended.addresses) == 0 {
		return nil
	}
	ended, err := endRefusedFlows(i.state, i.unended, i.gone, i.machine)
	i.metrics.ended.Add(float64(ended))
	if err != nil {
		return err
	}
	i.gone, i.unended = map[netip.Addr]bool{}, suspects{addresses: map[netip.Addr]bool{}}
	return nil
}

// network returns the newest, or nil.
func (i *Isolation) network() *wire.Network {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	return i.newest
}

// forwardPackets lets the node route between its pods, the overlay and the internet.
func forwardPackets() error {
	const file = "/proc/sys/net/ipv4/ip_forward"
	if now, err := os.ReadFile(file); err == nil && strings.TrimSpace(string(now)) == "1" {
		return nil
	}
	if err := os.WriteFile(file, []byte("1"), 0o644); err != nil {
		return fmt.Errorf("Cannot let the node forward packets: %w", err)
	}
	return nil
}

// hasIPv6 says whether this kernel speaks IPv6 at all.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6/conf")
	return err == nil
}
