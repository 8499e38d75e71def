package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server/egressselector"

	own "daasvader/k3s/admission"
	"daasvader/k3s/wire"
)

// refuseHTTP2 makes Kubernetes's clients, of which those for kubelets cannot be told apart, speak HTTP/1.1 with all: a
// kubelet that spoke HTTP/2 could have 4 MiB kept here of each log that its caller does not read, whatever a stream of
// the tunnel may hold. The control plane's own clients then have some 300 connections on loopback.
func refuseHTTP2() error { return os.Setenv("DISABLE_HTTP2", "true") }

// egress is how the API server connects with whom it asks for an answer: webhooks and aggregated APIs, which are pods.
func (t *tunnel) egress() *egressselector.EgressSelector {
	return egressselector.NewEgressSelectorWithMap(map[egressselector.EgressType]utilnet.DialFunc{
		egressselector.Cluster:      t.dialForAnswers,
		egressselector.ControlPlane: refuseDial, // webhooks with an URL
	})
}

// lookup is the API server's egress selector for kubelets.
func (t *tunnel) lookup(egressselector.NetworkContext) (utilnet.DialFunc, error) {
	return t.dial, nil
}

// dial leads to a kubelet, NODE:10250, or to ADDRESS:PORT of a pod. Nothing else is ever dialled.
func (t *tunnel) dial(ctx context.Context, _, address string) (conn net.Conn, err error) {
	if pod, notPod := netip.ParseAddrPort(address); notPod == nil && pod.Port() > 0 {
		conn, err = t.dialPod(ctx, pod)
	} else {
		conn, err = t.dialKubelet(ctx, address)
	}
	if err != nil {
		return nil, fmt.Errorf("Cannot reach %s: %w", address, err)
	}
	return conn, nil
}

func (t *tunnel) dialKubelet(ctx context.Context, address string) (net.Conn, error) {
	_, port, _ := strings.Cut(wire.KubeletAddress, ":")
	node, isKubelet := strings.CutSuffix(address, ":"+port)
	if !isKubelet {
		return nil, fmt.Errorf("of a node only the kubelet is reached, at port %s", port)
	}
	link, err := t.linkOf(node)
	if err != nil {
		return nil, err
	}
	return link.openKubelet(boundedCaller(ctx))
}

func (t *tunnel) dialPod(ctx context.Context, pod netip.AddrPort) (net.Conn, error) {
	node, err := t.ranges.of(pod.Addr())
	if err != nil {
		return nil, err
	}
	link, err := t.linkOf(node)
	if err != nil {
		return nil, err
	}
	return link.openPod(pod.String(), boundedCaller(ctx))
}

func (t *tunnel) linkOf(node string) (*link, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if link := t.current[node]; link != nil {
		return link, nil
	}
	return nil, fmt.Errorf("node %s has no tunnel open", node)
}

// boundedCaller is for whom a connection is opened; empty for the control plane itself. Where Kubernetes keeps one for
// the next caller, it goes on counting for the first.
func boundedCaller(ctx context.Context) string {
	caller, known := request.UserFrom(ctx)
	if !known || own.IsControlPlane(caller) {
		return ""
	}
	return caller.GetName()
}

func refuseDial(_ context.Context, _, address string) (net.Conn, error) {
	return nil, fmt.Errorf("Cannot reach %s: the control plane connects to kubelets, and to pods by way of a Service", address)
}
