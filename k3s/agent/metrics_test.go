package agent

import (
	"strings"
	"testing"

	"daasvader/k3s/isolation"
)

// What two collectors both tell is an error to Prometheus, and so is every scrape then.
func TestMetricsOfAllPartsGoTogether(t *testing.T) {
	o := testOptions(t)
	o.OverlayPort = 51820
	n, err := newNode(o)
	if err != nil {
		t.Fatal(err)
	}
	pods := isolation.New(isolation.Options{})
	all := newMetricsServer(append(n.collectors(newClusterNames(testNode, o.ranges.service.Addr())), pods.Collector())...).all()
	for range 2 {
		families, err := all.Gather()
		if err != nil {
			t.Fatal(err)
		}
		missing := []string{"daasvader_network_lines_total", "daasvader_dns_questions_total", "kubeproxy_", "coredns_", "go_goroutines"}
		for _, family := range families {
			for i, prefix := range missing {
				if prefix != "" && strings.HasPrefix(family.GetName(), prefix) {
					missing[i] = ""
				}
			}
		}
		if strings.Join(missing, "") != "" {
			t.Errorf("there is nothing of %q", missing)
		}
	}
}
