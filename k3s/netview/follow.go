package netview

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// Run follows the cluster's objects until the context ends.
func (v *Views) Run(ctx context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(cut))
	followed := []cache.SharedIndexInformer{
		factory.Core().V1().Namespaces().Informer(),
		factory.Core().V1().Nodes().Informer(),
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Services().Informer(),
		factory.Discovery().V1().EndpointSlices().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	}
	var synced []cache.InformerSynced
	for _, informer := range followed {
		handler, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(object any) { v.change(func() { v.set(object) }) },
			UpdateFunc: func(_, object any) { v.change(func() { v.set(object) }) },
			DeleteFunc: func(object any) { v.change(func() { v.delete(object) }) },
		})
		if err != nil {
			return fmt.Errorf("follow the cluster's network: %w", err)
		}
		synced = append(synced, handler.HasSynced)
	}
	factory.Start(ctx.Done())
	defer factory.Shutdown()
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		return context.Cause(ctx)
	}
	v.refresh()
	v.change(func() { v.known = true })
	return v.keepTelling(ctx)
}

// set notes an object that is new or has changed.
func (v *Views) set(object any) {
	switch object := object.(type) {
	case *corev1.Namespace:
		v.setNamespace(object)
	case *corev1.Node:
		v.setNode(object)
	case *corev1.Pod:
		v.setPod(object)
	case *corev1.Service:
		v.setService(object)
	case *discoveryv1.EndpointSlice:
		v.setSlice(object)
	case *networkingv1.NetworkPolicy:
		v.setPolicy(object)
	}
}

// delete notes that an object has gone.
func (v *Views) delete(object any) {
	if tombstone, is := object.(cache.DeletedFinalStateUnknown); is {
		object = tombstone.Obj
	}
	switch object := object.(type) {
	case *corev1.Namespace:
		v.deleteNamespace(object.Name)
	case *corev1.Node:
		v.deleteNode(object.Name)
	case *corev1.Pod:
		v.deletePod(object.Namespace, object.Name)
	case *corev1.Service:
		v.deleteService(object.Namespace, object.Name)
	case *discoveryv1.EndpointSlice:
		v.deleteSlice(object.Namespace, object.Name)
	case *networkingv1.NetworkPolicy:
		v.deletePolicy(object.Namespace, object.Name)
	}
}
