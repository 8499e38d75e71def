package usage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"
)

const (
	// Interval is how often each kubelet is asked. It looks at its containers about as often.
	Interval = 15 * time.Second
	// patience is how long one may take to answer.
	patience = 10 * time.Second
	// spread is the time over which the kubelets of a large cluster are asked, one in some milliseconds.
	spread, apart = 5 * time.Second, 8 * time.Millisecond
)

// Source is where usage is asked for.
type Source struct {
	Nodes listers.NodeLister
	Pods  listers.PodLister
	// Kubelets reaches each of them as https://NODE:10250.
	Kubelets http.RoundTripper
}

// Usage is what nodes and pods use.
type Usage struct {
	source Source
	store  *store

	mu     sync.Mutex
	asking map[string]bool
}

// New returns one that knows nothing until it runs.
func New(source Source) *Usage {
	return &Usage{source: source, store: newStore(), asking: map[string]bool{}}
}

// Run asks all kubelets again and again until the context ends. Each is asked by itself: one that hangs is asked again
// when it has answered or its time is over, and nobody waits for it.
func (u *Usage) Run(ctx context.Context) error {
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		if err := u.askAll(ctx); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (u *Usage) askAll(ctx context.Context) error {
	nodes, err := u.source.Nodes.List(everything)
	if err != nil {
		return err
	}
	are := map[string]bool{}
	for _, node := range nodes {
		are[node.Name] = true
		if u.begin(node.Name) {
			go u.askSoon(ctx, node.Name, min(spread, time.Duration(len(nodes))*apart))
		}
	}
	u.store.forget(func(node string) bool { return !are[node] })
	return nil
}

func (u *Usage) begin(node string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.asking[node] {
		return false
	}
	u.asking[node] = true
	return true
}

func (u *Usage) end(node string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.asking, node)
}

// askSoon asks a kubelet within a time, so that not all answer at once.
func (u *Usage) askSoon(ctx context.Context, node string, within time.Duration) {
	defer u.end(node)
	select {
	case <-time.After(rand.N(within)):
	case <-ctx.Done():
		return
	}
	told, err := u.ask(ctx, node)
	if err != nil {
		klog.V(2).InfoS("Cannot learn what a node uses", "node", node, "err", err)
		return
	}
	u.store.put(node, told)
}

func (u *Usage) ask(ctx context.Context, node string) (*sample, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+node+":10250"+Path, nil)
	if err != nil {
		return nil, err
	}
	answer, err := u.source.Kubelets.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the kubelet answers %s", answer.Status)
	}
	return readSample(answer.Body, u.boundTo(node))
}

// boundTo finds the pods that the control plane bound to a node.
func (u *Usage) boundTo(node string) boundPod {
	return func(namespace, name string) *corev1.Pod {
		pod, err := u.source.Pods.Pods(namespace).Get(name)
		if err != nil || pod.Spec.NodeName != node {
			return nil
		}
		return pod
	}
}
