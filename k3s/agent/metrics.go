package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"k8s.io/component-base/metrics/legacyregistry"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	proxymetrics "k8s.io/kubernetes/pkg/proxy/metrics"
)

// metricsAddress is kube-proxy's own. The numbers are the machine's to read, and nobody else's.
const metricsAddress = "127.0.0.1:10249"

// metricsServer has what Prometheus reads of the node's network.
type metricsServer struct{ registry *prometheus.Registry }

func newMetricsServer(collectors ...prometheus.Collector) metricsServer {
	proxymetrics.RegisterMetrics(proxyconfig.ProxyModeIPTables)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors...)
	return metricsServer{registry}
}

// serve answers /metrics until the context ends.
func (m metricsServer) serve(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", metricsAddress)
	if err != nil {
		return fmt.Errorf("Cannot serve metrics: %w", err)
	}
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", promhttp.HandlerFor(m.all(), promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: requestTimeout}))
	server := &http.Server{Handler: routes, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	return errors.Join(context.Cause(ctx), server.Serve(listener))
}

// all are ours, and of what is in this program too: kube-proxy's, the process's and those of CoreDNS's plugins.
func (m metricsServer) all() prometheus.Gatherer {
	return prometheus.Gatherers{
		m.registry, only(legacyregistry.DefaultGatherer, "kubeproxy_", "go_", "process_"), only(prometheus.DefaultGatherer, "coredns_"),
	}
}

// only leaves out what others in this program tell of themselves.
func only(all prometheus.Gatherer, prefixes ...string) prometheus.GathererFunc {
	return func() ([]*dto.MetricFamily, error) {
		families, err := all.Gather()
		return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool {
			return !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(f.GetName(), prefix) })
		}), err
	}
}
