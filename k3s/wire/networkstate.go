package wire

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Network is all that a node knows of its network. What is in a map is never changed in place.
type Network struct {
	Version        string
	Self           Self
	Peers          map[string]Peer
	Namespaces     map[string]Namespace
	Pods           map[string]Pod
	Services       map[string]corev1.Service
	EndpointSlices map[string]discoveryv1.EndpointSlice
	Policies       map[string]Policy
}

// Apply returns the network after an update; the one before stays as it was.
func (n Network) Apply(u NetworkUpdate) Network {
	if u.Reset {
		n = Network{Self: n.Self}
	}
	n.Version = u.Version
	if u.Self != nil {
		n.Self = *u.Self
	}
	n.Peers = u.Peers.apply(n.Peers)
	n.Namespaces = u.Namespaces.apply(n.Namespaces)
	n.Pods = u.Pods.apply(n.Pods)
	n.Services = u.Services.apply(n.Services)
	n.EndpointSlices = u.EndpointSlices.apply(n.EndpointSlices)
	n.Policies = u.Policies.apply(n.Policies)
	return n
}

func (c Changes[T]) apply(before map[string]T) map[string]T {
	if len(c.Set) == 0 && len(c.Delete) == 0 {
		return before
	}
	after := maps.Clone(before)
	if after == nil {
		after = map[string]T{}
	}
	maps.Copy(after, c.Set)
	for _, key := range c.Delete {
		delete(after, key)
	}
	return after
}
