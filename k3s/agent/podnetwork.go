package agent

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/klog/v2"

	"daasvader/k3s/isolation"
	"daasvader/k3s/overlay"
	"daasvader/k3s/wire"
)

// overlayDevice is the link to the pods of other nodes.
const overlayDevice = "daas0"

// newOverlay makes the node's end of the network between nodes.
func (n *node) newOverlay() (*overlay.Overlay, error) {
	address, err := netip.ParseAddr(n.options.NodeIP)
	if err != nil {
		return nil, err
	}
	return overlay.New(overlay.Options{
		Node: n.options.NodeName, Dir: n.options.path("overlay"), Device: overlayDevice, Port: n.options.OverlayPort,
		Address: address, Cluster: n.options.ranges.cluster, Prove: n.prove, Report: n.report,
	})
}

// prove claims a WireGuard key for this node.
func (n *node) prove(ctx context.Context, proof wire.KeyProof) error {
	err := n.client.post(ctx, wire.NetworkKeyPath, proof)
	var refused *statusError
	if errors.As(err, &refused) && (refused.code == http.StatusConflict || refused.code == http.StatusBadRequest) {
		return errors.Join(overlay.ErrKeyRefused, err)
	}
	return err
}

// report tells how this node is reached.
func (n *node) report(ctx context.Context, report wire.NetworkReport) error {
	return n.client.post(ctx, wire.NetworkReportPath, report)
}

// startNetwork has pods reach what is theirs to reach. The file that it writes last makes the node Ready: no pod starts
// before the rules stand.
func (n *node) startNetwork(ctx context.Context, part func(string, func(context.Context) error), clusterDNS string) error {
	dns, err := netip.ParseAddr(clusterDNS)
	if err != nil {
		return err
	}
	pods := isolation.New(isolation.Options{
		Node: n.options.NodeName, OverlayDevice: overlayDevice, Cluster: n.options.ranges.cluster,
		Service: n.options.ranges.service, DNS: dns, Refused: serverAddresses(ctx, n.options.Server),
	})
	part("isolation", pods.Run)
	part("isolation's network", n.follow(pods.Update))
	now, err := n.network.known(ctx)
	if err != nil {
		return err
	}
	select {
	case <-pods.Ready():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	services, err := newServiceProxy(ctx, n.options, now.Self.Range.String())
	if err != nil {
		return err
	}
	names := newClusterNames(n.options.NodeName, dns)
	part("overlay", n.overlay.Run)
	part("overlay's network", n.follow(n.overlay.Update))
	part("service proxy", func(ctx context.Context) error { return services.run(ctx, n.network) })
	part("dns", func(ctx context.Context) error { return serveDNS(ctx, dns, names) })
	part("dns's network", n.follow(names.update))
	part("metrics", newMetricsServer(append(n.collectors(names), pods.Collector())...).serve)
	klog.InfoS("Network is known", "range", now.Self.Range, "peers", len(now.Peers), "pods", len(now.Pods))
	return writeCNIConfig(n.options, now.Self.Range.String())
}

func (n *node) collectors(names *clusterNames) []prometheus.Collector {
	return append(slices.Concat(n.network.stats.collectors(), names.collectors()), n.overlay.Collector())
}

func (n *node) follow(tell func(wire.Network)) func(context.Context) error {
	return func(ctx context.Context) error { return n.network.follow(ctx, tell) }
}

// isOwnPod says whether a pod of this node that lives has the address.
func (n *node) isOwnPod(address netip.Addr) bool {
	now, _ := n.network.newest()
	pod, ok := now.Pods[address.String()]
	return ok && pod.Node == n.options.NodeName
}

// serverAddresses are those of the control plane, as networks. Where they cannot be found, pods meet the server as the
// rest of the internet does.
func serverAddresses(ctx context.Context, server string) (all []netip.Prefix) {
	parsed, err := url.Parse(server)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", parsed.Hostname())
	if err != nil {
		klog.ErrorS(err, "Cannot find the server's addresses, from which pods are to be kept away", "server", server)
	}
	for _, address := range addresses {
		all = append(all, netip.PrefixFrom(address.Unmap(), 32))
	}
	return all
}
