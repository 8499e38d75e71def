package isolation

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what Prometheus may know of a node's isolation.
type metrics struct {
	pods, entries                      *prometheus.GaugeVec
	excess                             prometheus.Gauge
	changes, restores, failures, ended prometheus.Counter
	seconds                            *prometheus.HistogramVec
	mangle                             *table
	drops                              *prometheus.Desc
}

func newMetrics(mangle *table) *metrics {
	const prefix = "daas_isolation_"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
	}
	return &metrics{
		pods: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "pods", Help: "Pods that may be spoken to, on this node and on others.",
		}, []string{"where"}),
		entries: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: prefix + "entries", Help: "Entries of the kernel's sets, by what they are about.",
		}, []string{"of"}),
		excess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: prefix + "excess_entries", Help: "Entries that policies ask for beyond the most that a pod may have; they are refused.",
		}),
		changes:  counter("changed_entries_total", "Entries of sets that were added, changed or removed."),
		restores: counter("restores_total", "How often sets were not as they had been set, and were set again."),
		failures: counter("failures_total", "How often rules could not be set or compared."),
		ended:    counter("ended_connections_total", "Connections that were ended because the rules refuse them now, or their pod has gone."),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "apply_seconds", Help: "How long it took to apply a change of the network, or to compare everything.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14),
		}, []string{"kind"}),
		mangle: mangle,
		drops: prometheus.NewDesc(prefix+"dropped_packets_total",
			"Packets that were dropped, by reason, as of the last comparison.", []string{"reason"}, nil),
	}
}

// Collector counts what the rules hold and drop, for Prometheus.
func (i *Isolation) Collector() prometheus.Collector { return i.metrics }

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.pods, m.entries, m.excess, m.changes, m.restores, m.failures, m.ended, m.seconds}
}

func (m *metrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, part := range m.all() {
		part.Describe(descriptions)
	}
	descriptions <- m.drops
}

func (m *metrics) Collect(values chan<- prometheus.Metric) {
	for _, part := range m.all() {
		part.Collect(values)
	}
	for reason, packets := range m.mangle.drops.reasons() {
		values <- prometheus.MustNewConstMetric(m.drops, prometheus.CounterValue, float64(packets), reason)
	}
}

// applied notes a state that stands now.
func (m *metrics) applied(s *state, took time.Duration, isCheck bool) {
	m.pods.WithLabelValues("local").Set(float64(len(s.sets[local])))
	m.pods.WithLabelValues("remote").Set(float64(len(s.pods) - len(s.sets[local])))
	peers := 0
	for id := range setID(setCount) {
		if id >= inBlocks {
			peers += len(s.sets[id])
		}
	}
	m.entries.WithLabelValues("peers").Set(float64(peers))
	m.entries.WithLabelValues("ports").Set(float64(len(s.sets[inPorts]) + len(s.sets[outPorts])))
	m.entries.WithLabelValues("networks").Set(float64(len(s.sets[refused])))
	m.excess.Set(float64(s.excess))
	kind := "change"
	if isCheck {
		kind = "check"
	}
	m.seconds.WithLabelValues(kind).Observe(took.Seconds())
}
