package usage

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/metrics/pkg/apis/metrics"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

var everything = labels.Everything()

// Scheme has the types of metrics.k8s.io, in the one version that is served: discovery names the first as the preferred one.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(metrics.AddToScheme(scheme))
	utilruntime.Must(v1beta1.AddToScheme(scheme))
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	return scheme
}

// Install serves metrics.k8s.io/v1beta1 as one of a server's own APIs.
func (u *Usage) Install(server *genericapiserver.GenericAPIServer) error {
	group := genericapiserver.NewDefaultAPIGroupInfo(metrics.GroupName, Scheme, metav1.ParameterCodec, serializer.NewCodecFactory(Scheme))
	group.VersionedResourcesStorageMap[v1beta1.SchemeGroupVersion.Version] = map[string]rest.Storage{
		"nodes": &nodeStorage{u, rest.NewDefaultTableConvertor(metrics.Resource("nodes"))},
		"pods":  &podStorage{u, rest.NewDefaultTableConvertor(metrics.Resource("pods"))},
	}
	return server.InstallAPIGroup(&group)
}

// storage is what can be read of one of the two resources.
type storage interface {
	rest.Storage
	rest.Getter
	rest.Lister
	rest.Scoper
	rest.KindProvider
	rest.SingularNameProvider
}

var (
	_ storage = &nodeStorage{}
	_ storage = &podStorage{}
)

type nodeStorage struct {
	*Usage
	rest.TableConvertor
}

func (*nodeStorage) New() runtime.Object     { return &metrics.NodeMetrics{} }
func (*nodeStorage) NewList() runtime.Object { return &metrics.NodeMetricsList{} }
func (*nodeStorage) Destroy()                {}
func (*nodeStorage) Kind() string            { return "NodeMetrics" }
func (*nodeStorage) NamespaceScoped() bool   { return false }
func (*nodeStorage) GetSingularName() string { return "" } // "node" is a node

// Get returns what a node uses.
func (s *nodeStorage) Get(_ context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	node, err := s.source.Nodes.Get(name)
	if err != nil {
		return nil, err
	}
	if found, is := s.of(node); is {
		return &found, nil
	}
	return nil, errors.NewNotFound(metrics.Resource("nodes"), name)
}

// List returns what nodes use.
func (s *nodeStorage) List(_ context.Context, options *internalversion.ListOptions) (runtime.Object, error) {
	nodes, err := s.source.Nodes.List(labelsOf(options))
	if err != nil {
		return nil, err
	}
	list := &metrics.NodeMetricsList{}
	for _, node := range nodes {
		if found, is := s.of(node); is && isSelected(node.ObjectMeta, options) {
			list.Items = append(list.Items, found)
		}
	}
	slices.SortFunc(list.Items, func(a, b metrics.NodeMetrics) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (s *nodeStorage) of(node *corev1.Node) (metrics.NodeMetrics, bool) {
	used, asked, is := s.store.ofNode(node.Name)
	return metrics.NodeMetrics{
		ObjectMeta: metaOf(node.ObjectMeta, asked),
		Timestamp:  metav1.NewTime(asked),
		Window:     metav1.Duration{Duration: used.window},
		Usage:      used.resources(),
	}, is
}

type podStorage struct {
	*Usage
	rest.TableConvertor
}

func (*podStorage) New() runtime.Object     { return &metrics.PodMetrics{} }
func (*podStorage) NewList() runtime.Object { return &metrics.PodMetricsList{} }
func (*podStorage) Destroy()                {}
func (*podStorage) Kind() string            { return "PodMetrics" }
func (*podStorage) NamespaceScoped() bool   { return true }
func (*podStorage) GetSingularName() string { return "" }

// Get returns what a pod's containers use.
func (s *podStorage) Get(ctx context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	pod, err := s.source.Pods.Pods(request.NamespaceValue(ctx)).Get(name)
	if err != nil {
		return nil, err
	}
	if found, is := s.of(pod); is {
		return &found, nil
	}
	return nil, errors.NewNotFound(metrics.Resource("pods"), name)
}

// List returns what the containers of pods use.
func (s *podStorage) List(ctx context.Context, options *internalversion.ListOptions) (runtime.Object, error) {
	pods, err := s.source.Pods.Pods(request.NamespaceValue(ctx)).List(labelsOf(options))
	if err != nil {
		return nil, err
	}
	list := &metrics.PodMetricsList{}
	for _, pod := range pods {
		if found, is := s.of(pod); is && isSelected(pod.ObjectMeta, options) {
			list.Items = append(list.Items, found)
		}
	}
	slices.SortFunc(list.Items, func(a, b metrics.PodMetrics) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return list, nil
}

func (s *podStorage) of(pod *corev1.Pod) (metrics.PodMetrics, bool) {
	names := containersOf(pod)
	used, asked := s.store.ofPod(pod.Spec.NodeName, pod.UID, names)
	found := metrics.PodMetrics{ObjectMeta: metaOf(pod.ObjectMeta, asked), Timestamp: metav1.NewTime(asked)}
	for _, name := range names {
		if each, is := used[name]; is {
			found.Containers = append(found.Containers, metrics.ContainerMetrics{Name: name, Usage: each.resources()})
			found.Window.Duration = max(found.Window.Duration, each.window)
		}
	}
	return found, len(found.Containers) > 0
}

func containersOf(pod *corev1.Pod) []string {
	var names []string
	for _, each := range slices.Concat(pod.Spec.Containers, pod.Spec.InitContainers) {
		names = append(names, each.Name)
	}
	return names
}

func (u usage) resources() corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewScaledQuantity(int64(u.cores*1e9), resource.Nano),
		corev1.ResourceMemory: *resource.NewQuantity(u.memory, resource.BinarySI),
	}
}

func metaOf(of metav1.ObjectMeta, asked time.Time) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: of.Name, Namespace: of.Namespace, Labels: of.Labels, CreationTimestamp: metav1.NewTime(asked)}
}

func labelsOf(options *internalversion.ListOptions) labels.Selector {
	if options == nil || options.LabelSelector == nil {
		return everything
	}
	return options.LabelSelector
}

func isSelected(of metav1.ObjectMeta, options *internalversion.ListOptions) bool {
	if options == nil || options.FieldSelector == nil {
		return true
	}
	return options.FieldSelector.Matches(fields.Set{"metadata.name": of.Name, "metadata.namespace": of.Namespace})
}
