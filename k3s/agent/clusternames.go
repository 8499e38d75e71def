package agent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/kubernetes"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	clusterDomain = "cluster.local."
	reverseDomain = "in-addr.arpa."
	// askerPatience is how long the questions of a pod wait that the network does not have yet: it began a moment ago.
	askerPatience = 2 * time.Second
	// maxQuestions bounds those of one pod that wait for an answer.
	maxQuestions = 64
)

// clusterNames is a plugin of CoreDNS: it has the one for Kubernetes tell each pod of this node the names of its own
// owner's namespaces, out of the node's network. Who is not known is told nothing, not even names of the internet.
type clusterNames struct {
	node string
	// own is the address that the node itself asks from; it belongs to nobody, as open namespaces do.
	own   netip.Addr
	names latest[*names]
	kube  kubernetes.Kubernetes
	next  plugin.Handler

	mu        sync.Mutex
	questions map[netip.Addr]int

	answered, refused, tooMany atomic.Int64
}

func newClusterNames(node string, own netip.Addr) *clusterNames {
	kube := kubernetes.New([]string{clusterDomain, reverseDomain}) // answers hold for its default, 5 s
	kube.Upstream = upstream.New()
	kube.Fall = fall.F{Zones: []string{reverseDomain}} // addresses of the internet have names too
	return &clusterNames{node: node, own: own, kube: *kube, questions: map[netip.Addr]int{}}
}

// update has the names be those of a network from now on.
func (c *clusterNames) update(now wire.Network) {
	before, _ := c.names.get()
	c.names.set(newNames(now, before))
}

// Name is the plugin's.
func (c *clusterNames) Name() string { return "clusternames" }

// ServeDNS answers, or asks the next plugin what the cluster does not know.
func (c *clusterNames) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	asker := addressOf(w.RemoteAddr())
	if !c.begin(asker) {
		c.tooMany.Add(1)
		return dns.RcodeRefused, nil
	}
	defer c.end(asker)
	view, err := c.viewOf(ctx, asker)
	if err != nil {
		c.refused.Add(1)
		return dns.RcodeRefused, nil
	}
	kube := c.kube
	kube.APIConn, kube.Next = view, c.next
	code, err := kube.ServeDNS(ctx, w, r)
	if err != nil {
		klog.V(2).InfoS("Cannot answer a question of DNS", "name", r.Question[0].Name, "err", err)
	}
	c.answered.Add(1)
	return code, err
}

// begin says whether one more question of an asker may wait for its answer.
func (c *clusterNames) begin(asker netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.questions[asker] == maxQuestions {
		return false
	}
	c.questions[asker]++
	return true
}

func (c *clusterNames) end(asker netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.questions[asker]--; c.questions[asker] == 0 {
		delete(c.questions, asker)
	}
}

// errStranger says that nobody knows an asker.
var errStranger = errors.New("the asker is no pod of this node")

// viewOf returns what an asker may know, and waits for a pod of this node to become known.
func (c *clusterNames) viewOf(ctx context.Context, asker netip.Addr) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, askerPatience)
	defer cancel()
	for {
		names, changed := c.names.get()
		if names != nil {
			if asker == c.own {
				return view{names: names}, nil
			}
			if owner, ok := names.ownerOf(asker, c.node); ok {
				return view{names: names, owner: owner}, nil
			}
			if !names.network.Self.Range.Contains(asker) {
				return view{}, errStranger
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return view{}, errStranger
		}
	}
}

// addressOf returns the zero address for what has none.
func addressOf(remote net.Addr) netip.Addr {
	switch remote := remote.(type) {
	case *net.UDPAddr:
		return remote.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		return remote.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

func (c *clusterNames) collectors() []prometheus.Collector {
	counter := func(outcome string, value *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Namespace: "daasvader", Subsystem: "dns", Name: "questions_total", Help: "Questions of DNS, by what became of them.",
			ConstLabels: prometheus.Labels{"outcome": outcome},
		}, func() float64 { return float64(value.Load()) })
	}
	return []prometheus.Collector{
		counter("answered", &c.answered), counter("refused", &c.refused), counter("too_many", &c.tooMany),
	}
}
