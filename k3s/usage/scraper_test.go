package usage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// kubelets answer by the name of their node.
type kubelets func(node string, ctx context.Context) (string, error)

func (k kubelets) RoundTrip(r *http.Request) (*http.Response, error) {
	node, isKubelet := strings.CutSuffix(r.URL.Host, ":10250")
	if !isKubelet || r.URL.Path != Path || r.URL.Scheme != "https" {
		return nil, fmt.Errorf("asked %s", r.URL)
	}
	said, err := k(node, r.Context())
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(said))}, err
}

func withNodes(t *testing.T, answer kubelets, pods ...*corev1.Pod) *Usage {
	t.Helper()
	nodes := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	bound := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	for _, pod := range pods {
		bound.Add(pod)
		nodes.Add(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: pod.Spec.NodeName}})
	}
	return New(Source{Nodes: listers.NewNodeLister(nodes), Pods: listers.NewPodLister(bound), Kubelets: answer})
}

func TestHungKubeletDelaysNobodyAndIsAskedOnce(t *testing.T) {
	var mu sync.Mutex
	asked := map[string]int{}
	u := withNodes(t, func(node string, ctx context.Context) (string, error) {
		mu.Lock()
		asked[node]++
		mu.Unlock()
		if node == "hung" {
			<-ctx.Done()
			return "", ctx.Err()
		}
		return kubelet, nil
	}, podOn("w1", "u-1", "web-0", "web"), podOn("hung", "u-1", "web-1", "web"))
	for range 3 {
		if err := u.askAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		isIdle := func() bool {
			u.mu.Lock()
			defer u.mu.Unlock()
			return !u.asking["w1"]
		}
		for !isIdle() {
			time.Sleep(time.Millisecond)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if asked["w1"] != 3 || asked["hung"] > 1 {
		t.Errorf("asked %v", asked)
	}
}

func TestKubeletSaysNothingOfPodsThatAreBoundElsewhere(t *testing.T) {
	u := withNodes(t, func(string, context.Context) (string, error) { return kubelet, nil },
		podOn("w1", "u-1", "web-0", "web"), podOn("w2", "u-2", "not-here", "web"))
	for node, knows := range map[string]container{"w1": {"u-1/web-0", "web"}, "w2": {"u-2/not-here", "web"}} {
		said, err := u.ask(t.Context(), node)
		if err != nil {
			t.Fatal(err)
		}
		if _, does := said.containers[knows]; !does || len(said.containers) != 1 {
			t.Errorf("%s says %v", node, said.containers)
		}
	}
}
