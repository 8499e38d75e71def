package server

import (
	"context"
	"net/http"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// RevokedNodes is the ConfigMap in kube-system whose keys are the names of the nodes that are kept out. A certificate
// cannot be taken back, so a node that left or was slashed is refused here, at once, while its certificate lives.
const RevokedNodes = "revoked-nodes"

// fence refuses requests of revoked nodes and ends those that run when a node is revoked.
type fence struct {
	mu      sync.Mutex
	known   bool
	revoked map[string]bool
	running map[*runningRequest]struct{}
	told    func(revoked map[string]bool) // nil: nobody
}

type runningRequest struct {
	node   string
	cancel context.CancelFunc
}

func newFence() *fence {
	return &fence{revoked: map[string]bool{}, running: map[*runningRequest]struct{}{}}
}

// wrap lets requests pass that are no node's, or a node's that is not revoked. The certificate's signature is checked
// behind it; a forged name gains nothing here.
func (f *fence) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		node, isNode := certificateNode(r)
		if !isNode {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		request := &runningRequest{node: node, cancel: cancel}
		if status := f.enter(request); status != http.StatusOK {
			http.Error(w, "Cannot serve node "+node+": "+http.StatusText(status), status)
			return
		}
		defer f.leave(request)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func (f *fence) enter(request *runningRequest) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case !f.known:
		return http.StatusServiceUnavailable
	case f.revoked[request.node]:
		return http.StatusUnauthorized
	}
	f.running[request] = struct{}{}
	return http.StatusOK
}

func (f *fence) leave(request *runningRequest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, request)
}

// set replaces the list of revoked nodes and ends what these nodes have running.
func (f *fence) set(revoked map[string]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.revoked = true, revoked
	if f.told != nil {
		f.told(revoked)
	}
	for request := range f.running {
		if revoked[request.node] {
			klog.InfoS("Node is revoked, ending its request", "node", request.node)
			request.cancel()
		}
	}
}

// tell has somebody told of the list, now and at each change.
func (f *fence) tell(whom func(revoked map[string]bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = whom
	whom(f.revoked)
}

// follow keeps the list as the ConfigMap says until the context ends. Until the list is known, no node is let in.
func (f *fence) follow(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(metav1.NamespaceSystem),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) {
			o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, RevokedNodes).String()
		}))
	informer := factory.Core().V1().ConfigMaps().Informer()
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { f.set(nodesIn(o)) },
		UpdateFunc: func(_, o any) { f.set(nodesIn(o)) },
		DeleteFunc: func(any) { f.set(nil) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return context.Cause(ctx)
	}
	if len(informer.GetStore().List()) == 0 {
		f.set(nil)
	}
	return nil
}

func nodesIn(object any) map[string]bool {
	nodes := map[string]bool{}
	if list, ok := object.(*corev1.ConfigMap); ok {
		for node := range list.Data {
			nodes[node] = true
		}
	}
	return nodes
}

func certificateNode(r *http.Request) (string, bool) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", false
	}
	return strings.CutPrefix(r.TLS.PeerCertificates[0].Subject.CommonName, nodeUserPrefix)
}
