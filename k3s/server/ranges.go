package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// NodeRanges is the ConfigMap in kube-system that is the book of who has, or had, which range of pod addresses.
	NodeRanges = "node-ranges"
	// rangesPatience is how long one look at all nodes may take, rangesPause how long the keeper waits after a failure, and
	// rangesPeriod how often it looks when nothing has changed: what has rested is free again.
	rangesPatience = 30 * time.Second
	rangesPause    = time.Second
	rangesPeriod   = 30 * time.Second
)

// rangeKeeper gives each node a range of pod addresses, where Kubernetes's own controller would give what a node had to
// the next one at once. The book is written before a node is told, so that no two have one range whatever ends between.
type rangeKeeper struct {
	client   kubernetes.Interface
	cluster  netip.Prefix
	factory  informers.SharedInformerFactory
	nodes    listers.NodeLister
	recorder record.EventRecorder
	now      func() time.Time
	changed  chan struct{}
	// waiting are the nodes that were told that there is no range for them.
	waiting map[string]bool
}

func newRangeKeeper(config *rest.Config, o *Options) (*rangeKeeper, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return rangeKeeperOf(client, o.cluster), nil
}

func rangeKeeperOf(client kubernetes.Interface, cluster netip.Prefix) *rangeKeeper {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(nameAndRange))
	return &rangeKeeper{
		client:  client,
		cluster: cluster,
		factory: factory,
		nodes:   factory.Core().V1().Nodes().Lister(),
		now:     time.Now,
		changed: make(chan struct{}, 1),
		waiting: map[string]bool{},
	}
}

// run gives ranges until the context ends.
func (k *rangeKeeper) run(ctx context.Context) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: k.client.CoreV1().Events("")})
	k.recorder = broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: NodeRanges})

	informer := k.factory.Core().V1().Nodes().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { k.look() },
		DeleteFunc: func(any) { k.look() },
	})
	if err != nil {
		return err
	}
	k.factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return context.Cause(ctx)
	}
	for {
		pause := rangesPeriod
		if err := k.serve(ctx); err != nil {
			klog.ErrorS(err, "Cannot give nodes their ranges of pod addresses")
			pause = rangesPause
		}
		select {
		case <-k.changed:
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *rangeKeeper) look() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// serve gives all nodes without a range one.
func (k *rangeKeeper) serve(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, rangesPatience)
	defer cancel()
	nodes, err := k.byName()
	if err != nil {
		return err
	}
	stored, err := k.stored(ctx)
	if err != nil {
		return err
	}
	var entries map[string]string
	if stored != nil {
		entries = stored.Data
	}
	book, problems := parseRangeBook(entries, k.cluster)
	for _, problem := range problems {
		klog.ErrorS(problem, "Dropping an entry of the ConfigMap", "name", NodeRanges)
	}
	book.note(nodes, k.cluster, k.now())
	given := k.give(book, nodes)
	if err := k.store(ctx, stored, book.data()); err != nil {
		return err
	}
	for name, pods := range given {
		if err := k.tell(ctx, nodes[name], pods); err != nil {
			return err
		}
	}
	return nil
}

func (k *rangeKeeper) byName() (map[string]*corev1.Node, error) {
	list, err := k.nodes.List(labels.Everything())
	nodes := make(map[string]*corev1.Node, len(list))
	for _, node := range list {
		nodes[node.Name] = node
	}
	return nodes, err
}

// give says who gets what; who gets nothing is told so.
func (k *rangeKeeper) give(book rangeBook, nodes map[string]*corev1.Node) map[string]netip.Prefix {
	unusual := unusualRanges(nodes, k.cluster)
	given := map[string]netip.Prefix{}
	waiting := map[string]bool{}
	for name, node := range nodes {
		if node.Spec.PodCIDR != "" {
			continue
		}
		pods, isThere := book.give(name, k.cluster, unusual)
		if isThere {
			given[name] = pods
			continue
		}
		if waiting[name] = true; !k.waiting[name] {
			k.refuse(node)
		}
	}
	k.waiting = waiting
	return given
}

func (k *rangeKeeper) refuse(node *corev1.Node) {
	message := fmt.Sprintf("the cluster's addresses of pods, %s, are used up, or rest for %s after the nodes that had them: pods run here once another node has gone for that long",
		k.cluster, rangeRest)
	klog.ErrorS(nil, "No range of pod addresses for a node", "node", node.Name, "reason", message)
	k.recorder.Event(node, corev1.EventTypeWarning, "NoRange", message)
}

// unusualRanges are those that others than this keeper gave.
func unusualRanges(nodes map[string]*corev1.Node, cluster netip.Prefix) (unusual []netip.Prefix) {
	for _, node := range nodes {
		if pods, err := netip.ParsePrefix(node.Spec.PodCIDR); err == nil && !wire.IsNodeRange(pods, cluster) {
			unusual = append(unusual, pods)
		}
	}
	return unusual
}

// stored is the book as it is; nil when there is none yet.
func (k *rangeKeeper) stored(ctx context.Context) (*corev1.ConfigMap, error) {
	stored, err := k.books().Get(ctx, NodeRanges, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return stored, err
}

// store fails when somebody else wrote the book meanwhile.
func (k *rangeKeeper) store(ctx context.Context, stored *corev1.ConfigMap, data map[string]string) error {
	if stored == nil {
		first := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: NodeRanges}, Data: data}
		_, err := k.books().Create(ctx, first, metav1.CreateOptions{})
		return err
	}
	if maps.Equal(stored.Data, data) {
		return nil
	}
	next := stored.DeepCopy()
	next.Data = data
	_, err := k.books().Update(ctx, next, metav1.UpdateOptions{})
	return err
}

func (k *rangeKeeper) books() typedcorev1.ConfigMapInterface {
	return k.client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
}

// tell writes a range into the node that it was given to, and into no other of its name.
func (k *rangeKeeper) tell(ctx context.Context, node *corev1.Node, pods netip.Prefix) error {
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": node.UID},
		"spec":     map[string]any{"podCIDR": pods.String(), "podCIDRs": []string{pods.String()}},
	})
	if err != nil {
		return err
	}
	_, err = k.client.CoreV1().Nodes().Patch(ctx, node.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // it has gone, which the next look notes
	}
	if err == nil {
		klog.InfoS("A node has its range of pod addresses", "node", node.Name, "range", pods)
	}
	return err
}

// nameAndRange is all that is kept of a node.
func nameAndRange(o any) (any, error) {
	node, is := o.(*corev1.Node)
	if !is {
		return nil, fmt.Errorf("unexpected object %T", o)
	}
	kept := &corev1.Node{Spec: corev1.NodeSpec{PodCIDR: node.Spec.PodCIDR}}
	kept.Name, kept.UID, kept.ResourceVersion = node.Name, node.UID, node.ResourceVersion
	return kept, nil
}
