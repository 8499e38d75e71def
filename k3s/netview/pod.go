package netview

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"daasvader/k3s/wire"
)

// overdueAfter is how long after it should have ended a pod that its node does not say has ended still counts as running:
// kubelets need some seconds for what is left to do.
const overdueAfter = time.Minute

// pod is one that was given to a node.
type pod struct {
	name      string
	namespace *namespace
	node      *node
	// runs says that it is no ended one.
	runs bool
	// claimed is the address that its node says it has; invalid for one that has the node's own.
	claimed netip.Addr
	address netip.Addr // the same, once it is shown
	labels  map[string]string
	ports   []corev1.ContainerPort
	// isShown says that it has an address of its node's range, and is the one that has it.
	isShown bool
}

// setPod notes a pod. A pod's node never changes; one of the same name elsewhere is another pod.
func (v *Views) setPod(object *corev1.Pod) {
	n := v.namespaceOf(object.Namespace)
	p := n.pods[object.Name]
	if p != nil && p.node.name != object.Spec.NodeName {
		v.deletePod(object.Namespace, object.Name)
		p = nil
	}
	if object.Spec.NodeName == "" {
		return
	}
	n = v.namespaceOf(object.Namespace)
	if p == nil {
		p = &pod{name: object.Name, namespace: n, node: v.nodeOf(object.Spec.NodeName)}
		n.pods[p.name] = p
		p.node.pods[p] = true
	}
	if ports := portsOf(object); !maps.Equal(p.labels, object.Labels) || !apiequality.Semantic.DeepEqual(p.ports, ports) {
		p.labels, p.ports = object.Labels, ports
		v.changePolicies(n)
	}
	hasEnded := object.Status.Phase == corev1.PodSucceeded || object.Status.Phase == corev1.PodFailed
	v.run(p, !hasEnded && !v.await(p, object.DeletionTimestamp))
	v.claim(p, claimedBy(object, p.runs))
	v.judge(p)
}

func (v *Views) deletePod(namespace, name string) {
	n := v.namespaceOf(namespace)
	if p := n.pods[name]; p != nil {
		v.end(p)
		delete(n.pods, name)
		delete(v.ending, p)
		delete(p.node.pods, p)
		v.forget(p.node)
	}
	v.forgetNamespace(n)
}

// end takes a pod out of all views.
func (v *Views) end(p *pod) {
	v.run(p, false)
	v.claim(p, netip.Addr{})
	v.judge(p)
}

// await notes by when a pod that is deleted has to end, and says whether it should have by now.
func (v *Views) await(p *pod, deadline *metav1.Time) (isOverdue bool) {
	if deadline == nil {
		delete(v.ending, p)
		return false
	}
	v.ending[p] = deadline.Add(overdueAfter)
	return v.now().After(v.ending[p])
}

// endOverdue ends the pods that are deleted and of which their nodes do not say that they have ended: by that alone, a
// node would go on being told of a namespace, and stay in the views of others.
func (v *Views) endOverdue() {
	for p, at := range v.ending {
		if v.now().After(at) {
			v.end(p)
			delete(v.ending, p)
		}
	}
}

// claimedBy is the address that a pod of its own network is said to have.
func claimedBy(object *corev1.Pod, runs bool) netip.Addr {
	address, err := netip.ParseAddr(object.Status.PodIP)
	if err != nil || !address.Is4() || object.Spec.HostNetwork || !runs {
		return netip.Addr{}
	}
	return address
}

// portsOf are those of the containers that go on running.
func portsOf(object *corev1.Pod) (ports []corev1.ContainerPort) {
	for _, container := range slices.Concat(object.Spec.InitContainers, object.Spec.Containers) {
		ports = append(ports, container.Ports...)
	}
	return ports
}

// run counts a pod among those that its node runs, from when it is given to it until it has ended.
func (v *Views) run(p *pod, runs bool) {
	if p.runs == runs {
		return
	}
	p.runs = runs
	change := 1
	if !runs {
		change = -1
	}
	name, before := p.namespace.name, p.node.runs[p.namespace.name]
	p.node.runs[name] += change
	p.namespace.nodes[p.node] += change
	if p.node.runs[name] == 0 {
		delete(p.node.runs, name)
		delete(p.namespace.nodes, p.node)
	}
	if before == 0 || before+change == 0 {
		v.touch(p.node, all)
		v.touchAudience(p.namespace, sharing)
	}
}

// claim notes which address a pod is said to have. The first pod that is said to have it has it, until it is not any more.
func (v *Views) claim(p *pod, address netip.Addr) {
	if p.claimed == address {
		return
	}
	if former := p.claimed; former.IsValid() {
		v.addresses[former] = slices.DeleteFunc(v.addresses[former], func(other *pod) bool { return other == p })
		if waiting := v.addresses[former]; len(waiting) == 0 {
			delete(v.addresses, former)
		} else {
			v.judge(waiting[0])
		}
	}
	p.claimed = address
	if address.IsValid() {
		v.addresses[address] = append(v.addresses[address], p)
	}
}

// judge decides whether nodes are told of a pod: whether its address can be its own.
func (v *Views) judge(p *pod) {
	isShown := wire.IsForPods(p.claimed, v.podRange(p.node)) && v.addresses[p.claimed][0] == p
	if p.isShown == isShown && p.address == p.claimed {
		return
	}
	p.isShown, p.address = isShown, p.claimed
	v.dirty.namespaces[p.namespace] = true
	v.changePolicies(p.namespace)
}
