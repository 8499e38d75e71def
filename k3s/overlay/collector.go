package overlay

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// status is what is counted of the peers now and then.
type status struct {
	direct, relayed, none int
	sizes                 map[int]int
	switches              uint64
	bind                  *bind
}

// observe makes the status for whoever asks.
func (n *node) observe() {
	s := &status{sizes: map[int]int{}, switches: n.switches.Load(), bind: n.bind}
	for _, p := range n.peers {
		switch way := p.path.Load(); {
		case way == nil:
			s.none++
			continue
		case way.isDirect():
			s.direct++
		default:
			s.relayed++
		}
		s.sizes[p.routed]++
	}
	n.status.Store(s)
}

var (
	peersDesc      = describe("peers", "Peers by the kind of way on which they are reached.", "path")
	sizesDesc      = describe("peers_by_mtu", "Peers by the largest packet that pods may send there, in bytes.", "mtu")
	switchesDesc   = describe("path_switches_total", "How often another way to a peer was taken.")
	handshakesDesc = describe("handshakes_total", "Handshakes of WireGuard that were answered, here or there.")
	bytesDesc      = describe("bytes_total", "WireGuard's bytes by direction and kind of way.", "direction", "path")
	packetsDesc    = describe("packets_total", "WireGuard's packets by direction and kind of way.", "direction", "path")
	strangersDesc  = describe("strangers_total", "Packets dropped because nobody known sent them.")
	unsentDesc     = describe("unsent_total", "Packets dropped because there was no way or no room to send them.")
	forwardedDesc  = describe("relay_forwarded_total", "Packets forwarded between two other nodes.")
	forwardedBytes = describe("relay_forwarded_bytes_total", "Bytes forwarded between two other nodes.")
	droppedDesc    = describe("relay_dropped_total", "Packets between two other nodes that were not forwarded.")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("daasvader_overlay_"+name, help, labels, nil)
}

// Collector has what Prometheus is told about peers, ways and relaying.
func (o *Overlay) Collector() prometheus.Collector { return collector{o} }

type collector struct{ overlay *Overlay }

// Describe implements prometheus.Collector.
func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		peersDesc, sizesDesc, switchesDesc, handshakesDesc, bytesDesc, packetsDesc, strangersDesc, unsentDesc,
		forwardedDesc, forwardedBytes, droppedDesc,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	n := c.overlay.running.Load()
	if n == nil {
		return
	}
	s := n.status.Load()
	if s == nil {
		return
	}
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(d *prometheus.Desc, value uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(peersDesc, s.direct, "direct")
	gauge(peersDesc, s.relayed, "relayed")
	gauge(peersDesc, s.none, "none")
	for size, count := range s.sizes {
		gauge(sizesDesc, count, strconv.Itoa(size))
	}
	counter(switchesDesc, s.switches)
	t, r := &s.bind.traffic, &s.bind.relay
	for kind, name := range []string{"direct", "relayed"} {
		counter(packetsDesc, t.sent[kind].Load(), "sent", name)
		counter(packetsDesc, t.received[kind].Load(), "received", name)
		counter(bytesDesc, t.sentBytes[kind].Load(), "sent", name)
		counter(bytesDesc, t.receivedBytes[kind].Load(), "received", name)
	}
	counter(handshakesDesc, t.handshakes.Load())
	counter(strangersDesc, t.strangers.Load())
	unsent := t.unsent.Load()
	for _, socket := range []*socket{s.bind.outer.Load(), s.bind.inner.Load()} {
		if socket != nil {
			unsent += socket.dropped.Load()
		}
	}
	counter(unsentDesc, unsent)
	counter(forwardedDesc, r.forwarded.Load())
	counter(forwardedBytes, r.forwardedBytes.Load())
	counter(droppedDesc, r.dropped.Load())
}
