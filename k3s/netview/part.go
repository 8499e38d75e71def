package netview

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"daasvader/k3s/wire"
)

// part is what nodes know of a namespace. It is never changed, and shared by all who know the namespace.
type part struct {
	number    uint64
	namespace wire.Namespace
	pods      map[string]wire.Pod
	services  map[string]*corev1.Service
	slices    map[string]*discoveryv1.EndpointSlice
	// since is what has changed since the part with the number before, which is what most nodes have to be told.
	before uint64
	since  partChanges
	// api is, of the default namespace, what all nodes know of it: the API server's Service.
	api *part
}

type partChanges struct {
	pods     wire.Changes[wire.Pod]
	services wire.Changes[corev1.Service]
	slices   wire.Changes[discoveryv1.EndpointSlice]
}

func (c *partChanges) isEmpty() bool {
	return isEmpty(c.pods) && isEmpty(c.services) && isEmpty(c.slices)
}

// changesSince compares two parts, of which nil is one without anything.
func (p *part) changesSince(before *part) partChanges {
	none := part{}
	if p == nil {
		p = &none
	}
	if before == nil {
		before = &none
	}
	return partChanges{
		pods:     changedPods(before.pods, p.pods),
		services: changed(before.services, p.services),
		slices:   changed(before.slices, p.slices),
	}
}

// show makes anew what nodes know of a namespace, and has those told who know it, if it is not the same.
func (v *Views) show(n *namespace) {
	if n.owner == nil {
		return
	}
	former, shown := n.shown, v.partOf(n)
	if former != nil {
		shown.before, shown.since = former.number, shown.changesSince(former)
		if former.namespace == shown.namespace && shown.since.isEmpty() {
			return
		}
	}
	if n.name == corev1.NamespaceDefault {
		v.showAPI(former, shown)
	}
	n.shown = shown
	v.touchAudience(n, contents)
}

func (v *Views) partOf(n *namespace) *part {
	v.number++
	shown := &part{
		number:    v.number,
		namespace: wire.Namespace{Owner: n.owner.name},
		pods:      map[string]wire.Pod{},
		services:  make(map[string]*corev1.Service, len(n.services)),
		slices:    make(map[string]*discoveryv1.EndpointSlice, len(n.slices)),
	}
	for _, pod := range n.pods {
		if pod.isShown {
			shown.pods[pod.address.String()] = wire.Pod{Namespace: n.name, Name: pod.name, Node: pod.node.name}
		}
	}
	for name, service := range n.services {
		shown.services[n.name+"/"+name] = service
	}
	for name, slice := range n.slices {
		key := n.name + "/" + name
		cut := v.cutSlice(n, slice)
		if n.shown != nil && apiequality.Semantic.DeepEqual(n.shown.slices[key], cut) {
			cut = n.shown.slices[key]
		}
		shown.slices[key] = cut
	}
	return shown
}

// showAPI has all nodes told of the API server's Service, if it is not the same.
func (v *Views) showAPI(former, shown *part) {
	service := shown.services[apiService]
	if former != nil && former.services[apiService] == service {
		shown.api = former.api
		return
	}
	v.number++
	shown.api = &part{number: v.number, namespace: shown.namespace}
	if service != nil {
		shown.api.services = map[string]*corev1.Service{apiService: service}
	}
	v.touchEverybody(contents)
}
