package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/rancher/remotedialer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// nodeUserPrefix begins the user name of every node.
const nodeUserPrefix = "system:node:"

// tunnel reaches kubelets through connections that their nodes opened. A connection belongs to the node that its
// client certificate names, and leads to that node's kubelet only: nothing that a node says about itself counts.
type tunnel struct {
	remote *remotedialer.Server

	mu      sync.Mutex
	current map[string]*connection
}

// connection is one node's tunnel.
type connection struct{ close context.CancelFunc }

func newTunnel(nodeOf func(*http.Request) (string, error)) *tunnel {
	t := &tunnel{current: map[string]*connection{}}
	authorize := func(r *http.Request) (string, bool, error) {
		node, err := nodeOf(r)
		return node, err == nil, err
	}
	t.remote = remotedialer.New(authorize, remotedialer.DefaultErrorWriter)
	return t
}

// serve carries a node's tunnel until it breaks, the node opens another one, or the request is cancelled.
func (t *tunnel) serve(w http.ResponseWriter, r *http.Request, node string) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	mine := &connection{close: cancel}
	t.replace(node, mine)
	defer t.remove(node, mine)
	klog.InfoS("Tunnel opened", "node", node)
	t.remote.ServeHTTP(closeOnDone(ctx, w), r)
	klog.InfoS("Tunnel closed", "node", node)
}

// replace ends a node's former tunnel: the dialer would prefer it to the new one, though it may be dead.
func (t *tunnel) replace(node string, next *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if former := t.current[node]; former != nil {
		former.close()
	}
	t.current[node] = next
}

func (t *tunnel) remove(node string, mine *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current[node] == mine {
		delete(t.current, node)
	}
}

// lookup is the API server's egress selector for kubelets.
func (t *tunnel) lookup(egressselector.NetworkContext) (utilnet.DialFunc, error) {
	return t.dial, nil
}

func (t *tunnel) dial(ctx context.Context, _, address string) (net.Conn, error) {
	node, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !t.remote.HasSession(node) {
		return nil, fmt.Errorf("Cannot reach kubelet of %s: the node has no tunnel open", node)
	}
	return t.remote.Dialer(node)(ctx, "tcp", wire.KubeletAddress)
}

// nodeOf returns the name of the node whose client certificate the request carries.
func nodeOf(auth authenticator.Request, r *http.Request) (string, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", errors.New("Cannot open tunnel: no client certificate")
	}
	response, ok, err := auth.AuthenticateRequest(r)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("Cannot open tunnel: unknown client certificate")
	}
	name := response.User.GetName()
	if !strings.HasPrefix(name, nodeUserPrefix) {
		return "", fmt.Errorf("Cannot open tunnel: %s is not a node", name)
	}
	return strings.TrimPrefix(name, nodeUserPrefix), nil
}

func refuseDial(_ context.Context, _, address string) (net.Conn, error) {
	return nil, fmt.Errorf("Cannot reach %s: the control plane connects to kubelets only", address)
}
