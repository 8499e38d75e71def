package overlay

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// addressesEvery is how often the machine's addresses are read.
	addressesEvery = 2 * time.Second
	// reportPause and reportEvery are the times between reports at least and at most.
	reportPause = 10 * time.Second
	reportEvery = 5 * time.Minute
	// failedTries are the probes after which an endpoint that never answered counts as failed.
	failedTries = 5
	// reflexiveFor is how long a peer's word counts about where it sees this node, and reflexiveWitnesses how many peers
	// must say the same.
	reflexiveFor       = 2 * time.Minute
	reflexiveWitnesses = 2
	maxEndpoints       = 8
)

// addresses are this machine's own.
type addresses struct {
	own map[netip.Addr]bool
	// outer is the one from which it reaches the internet; invalid when there is no way to there.
	outer netip.Addr
	read  time.Time
}

func (a *addresses) has(address netip.Addr) bool { return a.own[address] }

// refresh reads them again now and then, and says whether they are others.
func (a *addresses) refresh(o *Options, now time.Time) (bool, error) {
	if now.Sub(a.read) < addressesEvery {
		return false, nil
	}
	a.read = now
	list, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return false, fmt.Errorf("Cannot list addresses: %w", err)
	}
	own := map[netip.Addr]bool{}
	for _, item := range list {
		if address, ok := netip.AddrFromSlice(item.IP.To4()); ok && !o.Cluster.Contains(address) {
			own[address] = true
		}
	}
	outer := outerAddress()
	changed := !maps.Equal(own, a.own) || outer != a.outer
	a.own, a.outer = own, outer
	return changed, nil
}

// outerAddress is the source of packets to the internet, of which nothing is sent here.
func outerAddress() netip.Addr {
	routes, err := netlink.RouteGet(net.IPv4(1, 1, 1, 1))
	if err != nil || len(routes) == 0 {
		return netip.Addr{} // no network at the moment
	}
	address, _ := netip.AddrFromSlice(routes[0].Src.To4())
	return address
}

// reports is what the control plane was told last, and when.
type reports struct {
	last    wire.NetworkReport
	at      time.Time
	telling bool
}

// report tells the control plane how this node is reached, when that is news or a while ago.
func (n *node) report(ctx context.Context, now time.Time) {
	r := &n.reports
	age := now.Sub(r.at)
	if r.telling || age < reportPause {
		return
	}
	news := wire.NetworkReport{Endpoints: n.endpoints(now)}
	news.Reached, news.Failed = n.experience()
	if age < reportEvery && reflect.DeepEqual(news, r.last) {
		return
	}
	r.telling = true
	go func() {
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		err := n.options.Report(ctx, news)
		n.results <- func() error {
			r.telling, r.at = false, time.Now()
			if err != nil {
				klog.ErrorS(err, "Cannot report how this node is reached")
				return nil
			}
			r.last = news
			return nil
		}
	}()
}

// endpoints are where this node's WireGuard can be tried: its address as it was told, the one that it has now, and those
// at which several peers see it.
func (n *node) endpoints(now time.Time) []netip.AddrPort {
	port := uint16(n.options.Port)
	found := []netip.AddrPort{netip.AddrPortFrom(n.options.Address, port)}
	if outer := n.addresses.outer; outer.Is4() && outer != n.options.Address {
		found = append(found, netip.AddrPortFrom(outer, port))
	}
	witnesses := map[netip.AddrPort]int{}
	for _, p := range n.peers {
		if now.Sub(p.reflexiveAt) < reflexiveFor && n.mayProbe(p.reflexive) && !isPrivate(p.reflexive.Addr()) {
			witnesses[p.reflexive]++
		}
	}
	for _, e := range slices.SortedFunc(maps.Keys(witnesses), netip.AddrPort.Compare) {
		if witnesses[e] >= reflexiveWitnesses && !slices.Contains(found, e) && len(found) < maxEndpoints {
			found = append(found, e)
		}
	}
	return found
}

// experience is which peers answered at an endpoint that they stated, and which were tried there in vain.
func (n *node) experience() (reached, failed []string) {
	for _, name := range slices.Sorted(maps.Keys(n.peers)) {
		tried, answered := false, false
		for _, c := range n.peers[name].paths.candidates {
			if c.source == stated {
				tried = tried || c.tries >= failedTries
				answered = answered || (!c.heard.IsZero() && c.tries < failedTries)
			}
		}
		if answered {
			reached = append(reached, name)
		} else if tried {
			failed = append(failed, name)
		}
	}
	return reached, failed
}
