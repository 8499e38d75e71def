package netview

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"

	"daasvader/k3s/netpolicy"
	"daasvader/k3s/policies"
)

// requesterAnnotation says whose a tenant's namespace is.
const requesterAnnotation = "daasvader.io/requester"

// namespace is one that has an object, or something in it.
type namespace struct {
	name     string
	object   *corev1.Namespace // nil: there is none, or not yet
	owner    *owner            // nil while there is no object
	pods     map[string]*pod
	services map[string]*corev1.Service
	slices   map[string]*discoveryv1.EndpointSlice
	policies map[string]*networkingv1.NetworkPolicy

	// nodes are those that run pods of it, with how many.
	nodes map[*node]int
	// linked are the namespaces of the same owner that a policy of either side connects with it; unused for open ones,
	// which are all connected.
	linked map[*namespace]bool
	// members is what policies are compiled with; nil when it is to be made anew.
	members *netpolicy.Namespace
	// shown is what nodes know of it, once it has an owner.
	shown *part
}

// owner is a tenant, or the cluster itself, whose name is empty.
type owner struct {
	name       string
	namespaces map[*namespace]bool
	// generation counts the changes of what policies are compiled of.
	generation uint64
}

func (o *owner) isOpen() bool { return o.name == "" }

func (v *Views) namespaceOf(name string) *namespace {
	if found := v.namespaces[name]; found != nil {
		return found
	}
	made := &namespace{
		name:     name,
		pods:     map[string]*pod{},
		services: map[string]*corev1.Service{},
		slices:   map[string]*discoveryv1.EndpointSlice{},
		policies: map[string]*networkingv1.NetworkPolicy{},
		nodes:    map[*node]int{},
		linked:   map[*namespace]bool{},
	}
	v.namespaces[name] = made
	return made
}

// forgetNamespace drops one of which nothing is left.
func (v *Views) forgetNamespace(n *namespace) {
	if n.object == nil && len(n.pods)+len(n.services)+len(n.slices)+len(n.policies) == 0 {
		delete(v.namespaces, n.name)
		delete(v.dirty.namespaces, n)
	}
}

// ownerName says whose a namespace is. One of a tenant that does not say whose is of nobody else.
func ownerName(object *corev1.Namespace) string {
	if _, isTenants := object.Labels[policies.TenantLabel]; !isTenants {
		return ""
	}
	if requester := object.Annotations[requesterAnnotation]; requester != "" {
		return requester
	}
	return "unknown:" + object.Name
}

func (v *Views) setNamespace(object *corev1.Namespace) {
	n := v.namespaceOf(object.Name)
	n.object = object
	v.changePolicies(n)
	v.own(n, ownerName(object))
}

func (v *Views) deleteNamespace(name string) {
	n := v.namespaceOf(name)
	n.object = nil
	v.disown(n)
	v.forgetNamespace(n)
}

// own gives a namespace its owner.
func (v *Views) own(n *namespace, name string) {
	if n.owner != nil && n.owner.name == name {
		v.dirty.owners[n.owner] = true
		return
	}
	v.disown(n)
	if v.owners[name] == nil {
		v.owners[name] = &owner{name: name, namespaces: map[*namespace]bool{}}
	}
	n.owner = v.owners[name]
	n.owner.namespaces[n] = true
	n.owner.generation++
	v.dirty.owners[n.owner] = true
	v.dirty.namespaces[n] = true
	v.touchAudience(n, n.concerns())
}

func (v *Views) disown(n *namespace) {
	if n.owner == nil {
		return
	}
	v.touchAudience(n, n.concerns())
	if n.name == corev1.NamespaceDefault {
		v.touchEverybody(contents) // of which all know something
	}
	delete(n.owner.namespaces, n)
	n.owner.generation++
	v.dirty.owners[n.owner] = true
	if len(n.owner.namespaces) == 0 {
		delete(v.owners, n.owner.name)
		delete(v.dirty.owners, n.owner)
	}
	n.owner, n.shown = nil, nil
	for other := range n.linked {
		delete(other.linked, n)
	}
	clear(n.linked)
}

// concerns is what changes for others when a namespace comes or goes.
func (n *namespace) concerns() aspect {
	if len(n.nodes) == 0 {
		return contents
	}
	return contents | sharing
}

// touchOwner notes that the views of all who run something of an owner may have changed.
func (v *Views) touchOwner(o *owner, what aspect) {
	for n := range o.namespaces {
		for node := range n.nodes {
			v.touch(node, what)
		}
	}
}

// touchAudience notes that the views of all who know a namespace may have changed.
func (v *Views) touchAudience(n *namespace, what aspect) {
	switch {
	case n.owner == nil:
	case n.owner.isOpen():
		v.touchOwner(n.owner, what)
	default:
		for node := range n.nodes {
			v.touch(node, what)
		}
		for other := range n.linked {
			for node := range other.nodes {
				v.touch(node, what)
			}
		}
	}
}

// changePolicies notes that what policies are compiled of has changed.
func (v *Views) changePolicies(n *namespace) {
	n.members = nil
	if n.owner != nil {
		n.owner.generation++
		v.touchAudience(n, contents)
	}
}

func (v *Views) setService(object *corev1.Service) {
	n := v.namespaceOf(object.Namespace)
	if !apiequality.Semantic.DeepEqual(n.services[object.Name], object) {
		n.services[object.Name] = object
		v.dirty.namespaces[n] = true
	}
}

func (v *Views) deleteService(namespace, name string) {
	n := v.namespaceOf(namespace)
	delete(n.services, name)
	v.dirty.namespaces[n] = true
	v.forgetNamespace(n)
}

func (v *Views) setSlice(object *discoveryv1.EndpointSlice) {
	n := v.namespaceOf(object.Namespace)
	n.slices[object.Name] = object
	v.dirty.namespaces[n] = true
}

func (v *Views) deleteSlice(namespace, name string) {
	n := v.namespaceOf(namespace)
	delete(n.slices, name)
	v.dirty.namespaces[n] = true
	v.forgetNamespace(n)
}

func (v *Views) setPolicy(object *networkingv1.NetworkPolicy) {
	n := v.namespaceOf(object.Namespace)
	n.policies[object.Name] = object
	v.changeLinks(n)
}

func (v *Views) deletePolicy(namespace, name string) {
	n := v.namespaceOf(namespace)
	delete(n.policies, name)
	v.changeLinks(n)
	v.forgetNamespace(n)
}

func (v *Views) changeLinks(n *namespace) {
	v.changePolicies(n)
	if n.owner != nil {
		v.dirty.owners[n.owner] = true
	}
}
