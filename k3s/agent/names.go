package agent

import (
	"context"
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/coredns/coredns/plugin/kubernetes"
	"github.com/coredns/coredns/plugin/kubernetes/object"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"daasvader/k3s/wire"
)

// publicService is known to all, as its environment variables are.
const publicNamespace, publicService = "default", "kubernetes"

// names are a network's Services and endpoints as CoreDNS looks for them: by "name.namespace" and by address.
type names struct {
	network       wire.Network
	made          time.Time
	services      map[string][]*object.Service
	servicesByIP  map[string][]*object.Service
	endpoints     map[string][]*object.Endpoints
	endpointsByIP map[string][]*object.Endpoints
}

// newNames makes those of a network; where Services are as before, so is what was made of them.
func newNames(now wire.Network, before *names) *names {
	if before != nil && isSameMap(before.network.Services, now.Services) && isSameMap(before.network.EndpointSlices, now.EndpointSlices) {
		same := *before
		same.network = now
		return &same
	}
	n := &names{
		network: now, made: time.Now(),
		services: map[string][]*object.Service{}, servicesByIP: map[string][]*object.Service{},
		endpoints: map[string][]*object.Endpoints{}, endpointsByIP: map[string][]*object.Endpoints{},
	}
	for _, service := range now.Services {
		if s, ok := convert[*object.Service](object.ToService, &service); ok {
			n.services[s.Index] = append(n.services[s.Index], s)
			for _, address := range s.ClusterIPs {
				n.servicesByIP[address] = append(n.servicesByIP[address], s)
			}
		}
	}
	for _, slice := range now.EndpointSlices {
		if e, ok := convert[*object.Endpoints](object.EndpointSliceToEndpoints, &slice); ok {
			n.endpoints[e.Index] = append(n.endpoints[e.Index], e)
			for _, address := range e.IndexIP {
				n.endpointsByIP[address] = append(n.endpointsByIP[address], e)
			}
		}
	}
	return n
}

// isSameMap says whether two are one, which nobody changes in place.
func isSameMap[T any](a, b map[string]T) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
}

// convert makes CoreDNS's object of a copy of Kubernetes's, which it empties.
func convert[T metav1.Object](to object.ToFunc, from metav1.Object) (converted T, ok bool) {
	made, err := to(from)
	if err == nil {
		converted, ok = made.(T)
	}
	return converted, ok
}

// ownerOf returns the owner of a pod of a node; one whose namespace is not known has none.
func (n *names) ownerOf(address netip.Addr, node string) (owner string, ok bool) {
	pod, ok := n.network.Pods[address.String()]
	if !ok || pod.Node != node {
		return "", false
	}
	namespace, ok := n.network.Namespaces[pod.Namespace]
	return namespace.Owner, ok
}

// view is what one owner's pods may know; open namespaces have the owner "". It is the API to CoreDNS's plugin.
type view struct {
	*names
	owner string
}

func (v view) sees(namespace string) bool {
	n, ok := v.network.Namespaces[namespace]
	return ok && n.Owner == v.owner
}

func (v view) seesService(s *object.Service) bool {
	return v.sees(s.Namespace) || s.Namespace == publicNamespace && s.Name == publicService
}

func (v view) ofServices(all []*object.Service) []*object.Service {
	return slices.DeleteFunc(slices.Clone(all), func(s *object.Service) bool { return !v.seesService(s) })
}

func (v view) ofEndpoints(all []*object.Endpoints) []*object.Endpoints {
	return slices.DeleteFunc(slices.Clone(all), func(e *object.Endpoints) bool { return !v.sees(e.Namespace) })
}

// SvcIndex returns the Services of a "name.namespace".
func (v view) SvcIndex(key string) []*object.Service { return v.ofServices(v.services[key]) }

// SvcIndexReverse returns the Services that have an address.
func (v view) SvcIndexReverse(address string) []*object.Service {
	return v.ofServices(v.servicesByIP[address])
}

// EpIndex returns the endpoints of a "name.namespace" of a Service.
func (v view) EpIndex(key string) []*object.Endpoints { return v.ofEndpoints(v.endpoints[key]) }

// EpIndexReverse returns the endpoints that have an address.
func (v view) EpIndexReverse(address string) []*object.Endpoints {
	return v.ofEndpoints(v.endpointsByIP[address])
}

// GetNamespaceByName says that a namespace is there.
func (v view) GetNamespaceByName(name string) (*object.Namespace, error) {
	if !v.sees(name) && name != publicNamespace {
		return nil, errors.New("no such namespace")
	}
	return &object.Namespace{Name: name}, nil
}

// Modified is the serial number of the zone.
func (v view) Modified(kubernetes.ModifiedMode) int64 { return v.made.Unix() }

// What follows nobody asks, or is of what this cluster does not have.

// ServiceList is for transfers of the zone.
func (v view) ServiceList() []*object.Service { return nil }

// EndpointsList is for transfers of the zone.
func (v view) EndpointsList() []*object.Endpoints { return nil }

// ServiceImportList is for several clusters.
func (v view) ServiceImportList() []*object.ServiceImport { return nil }

// SvcImportIndex is for several clusters.
func (v view) SvcImportIndex(string) []*object.ServiceImport { return nil }

// McEpIndex is for several clusters.
func (v view) McEpIndex(string) []*object.MultiClusterEndpoints { return nil }

// SvcExtIndexReverse is for external addresses.
func (v view) SvcExtIndexReverse(string) []*object.Service { return nil }

// PodIndex is for names of pods by address, which are off.
func (v view) PodIndex(string) []*object.Pod { return nil }

// GetNodeByName is for federation.
func (v view) GetNodeByName(context.Context, string) (*corev1.Node, error) {
	return nil, errors.New("nodes are not known here")
}

// Run, HasSynced and Stop are for what watches the API.
func (v view) Run()            {}
func (v view) HasSynced() bool { return true }
func (v view) Stop() error     { return nil }
