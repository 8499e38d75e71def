package netview

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"daasvader/k3s/wire"
)

// cut leaves of an object what views are made of. To cut it again changes nothing.
func cut(object any) (any, error) {
	switch object := object.(type) {
	case *corev1.Namespace:
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: object.Name, Labels: object.Labels, Annotations: wire.Only(object.Annotations, requesterAnnotation),
		}}, nil
	case *corev1.Node:
		return &corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: object.Name, Annotations: wire.Only(object.Annotations, KeyAnnotation, EndpointsAnnotation)},
			Spec:       corev1.NodeSpec{PodCIDR: object.Spec.PodCIDR},
		}, nil
	case *corev1.Pod:
		return cutPod(object), nil
	case *corev1.Service:
		return cutService(object), nil
	case *discoveryv1.EndpointSlice:
		object.ObjectMeta = wire.CutMeta(object.ObjectMeta)
		return object, nil
	case *networkingv1.NetworkPolicy:
		object.ObjectMeta = metav1.ObjectMeta{Namespace: object.Namespace, Name: object.Name, UID: object.UID}
		return object, nil
	default:
		return object, nil
	}
}

func cutPod(pod *corev1.Pod) *corev1.Pod {
	cut := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels, DeletionTimestamp: pod.DeletionTimestamp,
		},
		Spec:   corev1.PodSpec{NodeName: pod.Spec.NodeName, HostNetwork: pod.Spec.HostNetwork},
		Status: corev1.PodStatus{Phase: pod.Status.Phase, PodIP: pod.Status.PodIP},
	}
	add := func(container corev1.Container) {
		if len(container.Ports) > 0 {
			cut.Spec.Containers = append(cut.Spec.Containers, corev1.Container{Ports: container.Ports})
		}
	}
	for _, container := range pod.Spec.InitContainers {
		if container.RestartPolicy != nil && *container.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(container) // a sidecar, which runs on beside the others
		}
	}
	for _, container := range pod.Spec.Containers {
		add(container)
	}
	return cut
}

// cutService leaves what kube-proxy, DNS and the kubelet's environment variables are made of.
func cutService(service *corev1.Service) *corev1.Service {
	spec := service.Spec
	return &corev1.Service{
		ObjectMeta: wire.CutMeta(service.ObjectMeta),
		Spec: corev1.ServiceSpec{
			Type:                     spec.Type,
			ClusterIP:                spec.ClusterIP,
			ClusterIPs:               spec.ClusterIPs,
			IPFamilies:               spec.IPFamilies,
			IPFamilyPolicy:           spec.IPFamilyPolicy,
			Ports:                    spec.Ports,
			SessionAffinity:          spec.SessionAffinity,
			SessionAffinityConfig:    spec.SessionAffinityConfig,
			ExternalName:             spec.ExternalName,
			InternalTrafficPolicy:    spec.InternalTrafficPolicy,
			ExternalTrafficPolicy:    spec.ExternalTrafficPolicy,
			PublishNotReadyAddresses: spec.PublishNotReadyAddresses,
		},
	}
}

// cutSlice leaves of a slice the endpoints that can be pods of its namespace, and in open namespaces those outside of the
// cluster's networks, such as nodes' own.
func (v *Views) cutSlice(n *namespace, slice *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	cut := &discoveryv1.EndpointSlice{ObjectMeta: slice.ObjectMeta, AddressType: slice.AddressType, Ports: slice.Ports}
	for _, endpoint := range slice.Endpoints {
		if len(endpoint.Addresses) == 0 { // of several, which the API allows and nothing makes, all mean the first
			continue
		}
		address, err := netip.ParseAddr(endpoint.Addresses[0])
		if err != nil || !address.Is4() {
			continue
		}
		kept := discoveryv1.Endpoint{
			Addresses: endpoint.Addresses[:1], Conditions: endpoint.Conditions, Hostname: endpoint.Hostname,
		}
		if pod := v.podAt(address); pod != nil && pod.namespace == n {
			kept.NodeName = &pod.node.name
			kept.TargetRef = &corev1.ObjectReference{Kind: "Pod", Name: pod.name}
		} else if n.owner.isOpen() && v.isOutside(address) {
			kept.NodeName = endpoint.NodeName
		} else {
			continue
		}
		cut.Endpoints = append(cut.Endpoints, kept)
	}
	return cut
}

// podAt is the pod that nodes are told of with an address, nil if there is none.
func (v *Views) podAt(address netip.Addr) *pod {
	if claims := v.addresses[address]; len(claims) > 0 && claims[0].isShown {
		return claims[0]
	}
	return nil
}

// isOutside says whether an address can be a machine's beyond the cluster's networks.
func (v *Views) isOutside(address netip.Addr) bool {
	return !v.options.Cluster.Contains(address) && !v.options.Services.Contains(address) && address.IsGlobalUnicast()
}
