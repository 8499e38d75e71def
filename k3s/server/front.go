package server

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"

	own "daasvader/k3s/admission"
	"daasvader/k3s/wire"
)

// front answers, on the API server's port, the paths that are not Kubernetes's, keeps revoked nodes out, and ends
// what goes on beyond its caller's rights.
type front struct {
	tunnel        *tunnel
	fence         *fence
	ongoing       *ongoing
	enclave       http.Handler // nil: there is none
	config        []byte       // wire.ClusterConfig as JSON
	authenticator authenticator.Request
	authorizer    authorizer.UnconditionalAuthorizer
	fill          *fill
	budget        *budget
	volumes       atomic.Pointer[volumes] // nil until the API server is ready
	network       atomic.Pointer[network] // likewise
}

func newFront(o *Options, c *credentials, fill *fill) (*front, error) {
	config, err := clusterConfig(o, c)
	if err != nil {
		return nil, err
	}
	f := &front{
		tunnel: newTunnel(), fence: newFence(), ongoing: newOngoing(), config: config, fill: fill, budget: newBudget(),
	}
	if o.APISocket != "" {
		f.enclave = enclaveProxy(o.APISocket)
	}
	return f, nil
}

func clusterConfig(o *Options, c *credentials) ([]byte, error) {
	clientCA, err := os.ReadFile(c.client.CertFile)
	if err != nil {
		return nil, err
	}
	dns, err := clusterDNS(o.ServiceCIDR)
	if err != nil {
		return nil, err
	}
	return json.Marshal(wire.ClusterConfig{ClientCA: string(clientCA), ClusterDNS: dns})
}

// wrap puts our paths in front of Kubernetes's handler. Everything else reaches it unchanged.
func (f *front) wrap(kubernetes http.Handler) http.Handler {
	return f.fence.wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == wire.ConnectPath:
			f.connect(w, r)
		case r.URL.Path == wire.ConfigPath:
			f.serveConfig(w)
		case f.enclave != nil && enclavePaths[r.URL.Path]:
			f.enclave.ServeHTTP(w, r)
		default:
			kubernetes.ServeHTTP(w, r)
		}
	}))
}

// wrapCharged puts in front of Kubernetes's handler what is charged to its caller's budget as Kubernetes's paths are.
func (f *front) wrapCharged(kubernetes http.Handler, c *genericapiserver.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == wire.VolumesPath:
			f.serveVolumes(w, r)
		case networkPaths[r.URL.Path]:
			f.serveNetwork(w, r)
		case isNodesServices(r):
			f.serveServices(w, r, c)
		case f.enclave != nil && r.URL.Path == answerPath:
			f.tellAnswer(w, r)
		default:
			kubernetes.ServeHTTP(w, r)
		}
	})
}

func (f *front) connect(w http.ResponseWriter, r *http.Request) {
	node, err := nodeOf(f.authenticator, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	ctx, end := whileCertified(r)
	defer end()
	f.tunnel.serve(w, r.WithContext(ctx), node)
}

// tellAnswer lets the enclave tell a user what became of an order, for which it waits a while if need be. Who is no user
// has no order, which is the enclave's to say.
func (f *front) tellAnswer(w http.ResponseWriter, r *http.Request) {
	ctx, end := whileCertified(r)
	defer end()
	if caller := callerOf(r); strings.HasPrefix(caller.name, own.UserPrefix) {
		ctx = context.WithValue(ctx, userKey{}, caller.name)
	}
	f.enclave.ServeHTTP(w, r.WithContext(ctx))
}

func (f *front) serveConfig(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := w.Write(f.config); err != nil {
		klog.V(2).InfoS("A node left before it was answered", "err", err)
	}
}
