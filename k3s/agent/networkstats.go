package agent

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// networkStats count what happened to the network's stream.
type networkStats struct {
	reconnects, lines, bytes, refusedLines, leftOut atomic.Int64
	// last is when the server was heard last, in Unix seconds.
	last atomic.Int64
}

func (s *networkStats) heard(bytes int) {
	s.lines.Add(1)
	s.bytes.Add(int64(bytes))
	s.last.Store(time.Now().Unix())
}

func (s *networkStats) collectors() []prometheus.Collector {
	counter := func(name, help string, value *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "daasvader", Subsystem: "network", Name: name, Help: help},
			func() float64 { return float64(value.Load()) })
	}
	return []prometheus.Collector{
		counter("reconnects_total", "Times that the stream of the node's network ended.", &s.reconnects),
		counter("lines_total", "Lines of the stream that were taken.", &s.lines),
		counter("bytes_total", "Bytes of these lines.", &s.bytes),
		counter("refused_lines_total", "Lines that could not be used; everything was asked anew after each.", &s.refusedLines),
		counter("left_out_total", "Malformed entries that were left out of lines.", &s.leftOut),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "daasvader", Subsystem: "network", Name: "last_heard_timestamp_seconds", Help: "When the server was heard last.",
		}, func() float64 { return float64(s.last.Load()) }),
	}
}
