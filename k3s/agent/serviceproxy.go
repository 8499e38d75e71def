package agent

import (
	"context"
	"fmt"
	"net"
	"reflect"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilsysctl "k8s.io/component-helpers/node/util/sysctl"
	"k8s.io/kubernetes/pkg/proxy"
	"k8s.io/kubernetes/pkg/proxy/apis"
	proxyconfig "k8s.io/kubernetes/pkg/proxy/apis/config"
	"k8s.io/kubernetes/pkg/proxy/iptables"
	proxyutil "k8s.io/kubernetes/pkg/proxy/util"
	utiliptables "k8s.io/kubernetes/pkg/util/iptables"
	"k8s.io/utils/ptr"

	"daasvader/k3s/wire"
)

const (
	// proxyPause is the least time between two changes of the rules, proxyCheck the longest until they are seen to stand.
	proxyPause = 250 * time.Millisecond
	proxyCheck = 30 * time.Second
	// masqueradeBit is kube-proxy's own default: the kubelet and others know it.
	masqueradeBit = 14
)

// serviceProxy is kube-proxy without a client of the API: it has Services' addresses lead to their endpoints, as the
// node's network has them.
type serviceProxy struct {
	rules    proxy.Provider
	services map[string]corev1.Service
	slices   map[string]discoveryv1.EndpointSlice
	isSynced bool
}

func newServiceProxy(ctx context.Context, o *Options, podRange string) (*serviceProxy, error) {
	config := &proxyconfig.KubeProxyConfiguration{
		Mode:              proxyconfig.ProxyModeIPTables,
		NodePortAddresses: []string{o.NodeIP + "/32"},
		SyncPeriod:        metav1.Duration{Duration: proxyCheck},
		MinSyncPeriod:     metav1.Duration{Duration: proxyPause},
		IPTables: proxyconfig.KubeProxyIPTablesConfiguration{
			MasqueradeBit: ptr.To[int32](masqueradeBit), LocalhostNodePorts: ptr.To(false),
		},
	}
	// No recorder of events and no health server: nobody outside of the machine asks this one.
	rules, err := iptables.NewProxier(ctx, config, corev1.IPv4Protocol, utiliptables.New(utiliptables.ProtocolIPv4),
		utilsysctl.New(), proxyutil.NewDetectLocalByCIDR(podRange), o.NodeName, net.ParseIP(o.NodeIP), nil, nil, false)
	if err != nil {
		return nil, fmt.Errorf("Cannot proxy Services: %w", err)
	}
	return &serviceProxy{rules: rules}, nil
}

// run follows the network until the context ends. The rules stay: connections go on without the agent.
func (p *serviceProxy) run(ctx context.Context, network *network) error {
	go p.rules.SyncLoop() // has no end
	return network.follow(ctx, p.update)
}

// update has the rules follow from one network to the next.
func (p *serviceProxy) update(now wire.Network) {
	services, slices := chosen(now.Services, isProxied), chosen(now.EndpointSlices, isOfProxied)
	changes(p.services, services, func(before, after *corev1.Service) { p.rules.OnServiceUpdate(before, after) })
	changes(p.slices, slices, func(before, after *discoveryv1.EndpointSlice) {
		switch {
		case after == nil:
			p.rules.OnEndpointSliceDelete(before)
		case before == nil:
			p.rules.OnEndpointSliceAdd(after)
		default:
			p.rules.OnEndpointSliceUpdate(before, after)
		}
	})
	p.services, p.slices = services, slices
	if !p.isSynced { // before that nothing is written, so that what an earlier agent wrote goes on
		p.isSynced = true
		p.rules.OnServiceSynced()
		p.rules.OnEndpointSlicesSynced()
	}
}

// isProxied says whether a Service has an address of its own, and nobody else for a proxy.
func isProxied(s corev1.Service) bool {
	_, isOthers := s.Labels[apis.LabelServiceProxyName]
	return !isOthers && s.Spec.ClusterIP != "" && s.Spec.ClusterIP != corev1.ClusterIPNone
}

func isOfProxied(s discoveryv1.EndpointSlice) bool {
	_, isHeadless := s.Labels[corev1.IsHeadlessService]
	return !isHeadless
}

func chosen[T any](all map[string]T, is func(T) bool) map[string]T {
	some := make(map[string]T, len(all))
	for key, value := range all {
		if is(value) {
			some[key] = value
		}
	}
	return some
}

// changes tells what leads from one map to another: nil for what is not there before or after.
func changes[T any](before, after map[string]T, tell func(before, after *T)) {
	for key, was := range before {
		if _, ok := after[key]; !ok {
			tell(&was, nil)
		}
	}
	for key, is := range after {
		was, ok := before[key]
		switch {
		case !ok:
			tell(nil, &is)
		case !reflect.DeepEqual(was, is):
			tell(&was, &is)
		}
	}
}
