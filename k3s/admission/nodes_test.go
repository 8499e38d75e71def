package admission

import (
	"context"
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/apis/coordination"
	"k8s.io/kubernetes/pkg/apis/core"
	resourceapi "k8s.io/kubernetes/pkg/apis/resource"
	"k8s.io/kubernetes/pkg/apis/storage"
)

var w1 = &user.DefaultInfo{Name: "system:node:w1", Groups: []string{"system:nodes"}}

// cluster is one where node w1 has the range 10.42.1.0/24 and runs the pod ns/mine; ns/theirs runs on w2, and a pod that
// the list does not know yet on w1.
func cluster(t *testing.T) *nodes {
	t.Helper()
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "w1"},
		Spec:       corev1.NodeSpec{PodCIDR: "10.42.1.0/24"},
		Status:     corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "192.168.1.7"}}},
	}
	listed := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	add(t, listed.Core().V1().Nodes().Informer().GetStore().Add(node))
	for name, on := range map[string]string{"mine": "w1", "theirs": "w2"} {
		add(t, listed.Core().V1().Pods().Informer().GetStore().Add(podOn(name, on)))
	}
	n := NewNodes(netip.MustParsePrefix("10.42.0.0/16"), netip.MustParsePrefix("10.43.0.0/16")).(*nodes)
	n.SetExternalKubeInformerFactory(listed)
	n.SetExternalKubeClientSet(fake.NewClientset(podOn("new", "w1"), podOn("theirs", "w2")))
	n.SetReadyFunc(func() bool { return true })
	if err := n.ValidateInitialization(); err != nil {
		t.Fatal(err)
	}
	return n
}

func add(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func podOn(name, node string) *corev1.Pod {
	meta := metav1.ObjectMeta{Namespace: "ns", Name: name, UID: "uid-of-" + "x"}
	return &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{NodeName: node}}
}

// asked is a write of node w1; a nil old is a creation.
type asked struct {
	resource, subresource string
	group                 string
	object, old           runtime.Object
	operation             admission.Operation
}

func (n *nodes) judge(w asked, as user.Info) error {
	operation := w.operation
	if operation == "" {
		operation = admission.Update
		if w.old == nil {
			operation = admission.Create
		}
	}
	resource := schema.GroupVersionResource{Group: w.group, Resource: w.resource}
	return n.Validate(context.Background(), admission.NewAttributesRecord(w.object, w.old, schema.GroupVersionKind{}, "ns", "x",
		resource, w.subresource, operation, nil, false, as), nil)
}

// expect judges each write and wants all allowed, or none.
func expect(t *testing.T, allowed bool, writes map[string]asked) {
	t.Helper()
	n := cluster(t)
	for name, write := range writes {
		if err := n.judge(write, w1); (err == nil) != allowed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// registered is a node as its kubelet registers it, changed.
func registered(change func(*core.Node)) *core.Node {
	node := &core.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: "w1",
			Labels: map[string]string{
				"kubernetes.io/hostname": "w1", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
				"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
			},
			Annotations: map[string]string{"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
		},
		Spec: core.NodeSpec{Taints: []core.Taint{{Key: "node.kubernetes.io/not-ready", Effect: "NoSchedule"}}},
		Status: core.NodeStatus{
			Addresses: []core.NodeAddress{{Type: "InternalIP", Address: "192.168.1.7"}, {Type: "Hostname", Address: "w1"}},
			Capacity:  core.ResourceList{"cpu": resource.MustParse("2"), "hugepages-2Mi": resource.MustParse("0")},
		},
	}
	if change != nil {
		change(node)
	}
	return node
}

// placed is a node to which the control plane has said its part.
func placed(change func(*core.Node)) *core.Node {
	return registered(func(n *core.Node) {
		n.Spec = core.NodeSpec{PodCIDRs: []string{"10.42.1.0/24"}, Unschedulable: true, Taints: []core.Taint{{Key: "draining", Effect: "NoExecute"}}}
		n.Labels["daasvader.io/region"] = "eu"
		n.Annotations["node.alpha.kubernetes.io/ttl"] = "0"
		if change != nil {
			change(n)
		}
	})
}

func TestNodeRegistersAndReportsAsAKubeletDoes(t *testing.T) {
	expect(t, true, map[string]asked{
		"registering": {resource: "nodes", object: registered(nil)},
		"heartbeat":   {resource: "nodes", subresource: "status", object: placed(nil), old: placed(nil)},
		"another address": {resource: "nodes", subresource: "status", object: placed(func(n *core.Node) {
			n.Status.Addresses[0].Address = "192.168.1.8"
		}), old: placed(nil)},
		"a label that was lost": {resource: "nodes", subresource: "status", object: placed(nil), old: placed(func(n *core.Node) {
			delete(n.Labels, "beta.kubernetes.io/arch")
		})},
		"a device that an administrator gave it": {resource: "nodes", subresource: "status", object: placed(func(n *core.Node) {
			n.Status.Capacity["example.com/gpu"] = resource.MustParse("2")
			n.Status.Allocatable = core.ResourceList{"example.com/gpu": resource.MustParse("2")}
		}), old: placed(func(n *core.Node) { n.Status.Capacity["example.com/gpu"] = resource.MustParse("2") })},
		"lease": {resource: "leases", group: "coordination.k8s.io", object: &coordination.Lease{ObjectMeta: owned("w1")}},
		"storage": {resource: "csinodes", group: "storage.k8s.io", object: &storage.CSINode{ObjectMeta: metav1.ObjectMeta{
			Name: "w1", Annotations: map[string]string{migratedPlugins: "kubernetes.io/aws-ebs"}, OwnerReferences: owned("w1").OwnerReferences}}},
		"eviction":          {resource: "pods", subresource: "eviction", object: &core.Pod{}},
		"deletion of a pod": {resource: "pods", operation: admission.Delete},
	})
}

func owned(by string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: "w1", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: by, UID: "u"}}}
}

func TestNodeSaysNothingThatSteersPlacement(t *testing.T) {
	changes := map[string]func(*core.Node){
		"range":          func(n *core.Node) { n.Spec.PodCIDRs = []string{"10.42.0.0/16"} },
		"provider":       func(n *core.Node) { n.Spec.ProviderID = "aws:///x" },
		"schedulability": func(n *core.Node) { n.Spec.Unschedulable = !n.Spec.Unschedulable },
		"taint":          func(n *core.Node) { n.Spec.Taints = []core.Taint{{Key: "gpu", Effect: "NoSchedule"}} },
		"configuration":  func(n *core.Node) { n.Spec.ConfigSource = &core.NodeConfigSource{} },
		"zone":           func(n *core.Node) { n.Labels["topology.kubernetes.io/zone"] = "a" },
		"role":           func(n *core.Node) { n.Labels["node-role.kubernetes.io/gateway"] = "" },
		"empty label":    func(n *core.Node) { n.Labels["mine"] = "" },
		"instance type":  func(n *core.Node) { n.Labels["node.kubernetes.io/instance-type"] = "big" },
		"label":          func(n *core.Node) { n.Labels["example.com/fast"] = "true" },
		"host name":      func(n *core.Node) { n.Labels["kubernetes.io/hostname"] = "w2" },
		"architecture":   func(n *core.Node) { n.Labels["kubernetes.io/arch"] = "arm64" },
		"annotation":     func(n *core.Node) { n.Annotations["example.com/x"] = "y" },
		"finalizer":      func(n *core.Node) { n.Finalizers = []string{"example.com/x"} },
		"owner":          func(n *core.Node) { n.OwnerReferences = owned("w1").OwnerReferences },
		"resource":       func(n *core.Node) { n.Status.Capacity["example.com/gpu"] = resource.MustParse("8") },
		"allocatable": func(n *core.Node) {
			n.Status.Allocatable = core.ResourceList{"example.com/gpu": resource.MustParse("8")}
		},
		"another's name":   func(n *core.Node) { n.Status.Addresses[1].Address = "w2" },
		"two names":        func(n *core.Node) { n.Status.Addresses[0].Type = "Hostname" },
		"external address": func(n *core.Node) { n.Status.Addresses[0].Type = "ExternalIP" },
	}
	for _, address := range []string{"127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "10.42.3.4", "10.43.0.10", "::ffff:10.43.0.10", "fe80::1%eth0", "010.1.1.1", "", "w1"} {
		changes["address "+address] = func(n *core.Node) { n.Status.Addresses[0].Address = address }
	}
	for name, change := range changes {
		expect(t, false, map[string]asked{
			name + ", registering": {resource: "nodes", object: registered(change)},
			name + ", later":       {resource: "nodes", object: placed(change), old: placed(nil)},
			name + ", in status":   {resource: "nodes", subresource: "status", object: placed(change), old: placed(nil)},
		})
	}
}

func TestNodeTakesNothingBackThatTheControlPlaneSaid(t *testing.T) {
	changes := map[string]func(*core.Node){
		"cordon":     func(n *core.Node) { n.Spec.Unschedulable = false },
		"taint":      func(n *core.Node) { n.Spec.Taints = nil },
		"label":      func(n *core.Node) { delete(n.Labels, "daasvader.io/region") },
		"own label":  func(n *core.Node) { delete(n.Labels, "kubernetes.io/os") },
		"annotation": func(n *core.Node) { delete(n.Annotations, "node.alpha.kubernetes.io/ttl") },
	}
	for name, change := range changes {
		expect(t, false, map[string]asked{name: {resource: "nodes", object: placed(change), old: placed(nil)}})
	}
	expect(t, false, map[string]asked{
		"itself": {resource: "nodes", operation: admission.Delete},
		"more of a device": {resource: "nodes", subresource: "status", object: placed(func(n *core.Node) {
			n.Status.Capacity["example.com/gpu"] = resource.MustParse("3")
		}), old: placed(func(n *core.Node) { n.Status.Capacity["example.com/gpu"] = resource.MustParse("2") })},
	})
}

func TestNodeWritesNothingElse(t *testing.T) {
	expect(t, false, map[string]asked{
		"pod":                     {resource: "pods", object: &core.Pod{}},
		"pod's spec":              {resource: "pods", object: &core.Pod{}, old: &core.Pod{}},
		"ephemeral container":     {resource: "pods", subresource: "ephemeralcontainers", object: &core.Pod{}, old: &core.Pod{}},
		"resource slice":          {resource: "resourceslices", group: "resource.k8s.io", object: &resourceapi.ResourceSlice{}},
		"pod certificate request": {resource: "podcertificaterequests", group: "certificates.k8s.io", object: &core.Pod{}},
		"status of a claim":       {resource: "persistentvolumeclaims", subresource: "status", object: &core.PersistentVolumeClaim{}, old: &core.PersistentVolumeClaim{}},
		"ConfigMap":               {resource: "configmaps", object: &core.ConfigMap{}},
		"exec":                    {resource: "pods", subresource: "exec", operation: admission.Connect},
		"nodes of another group":  {resource: "nodes", group: "example.com", object: registered(nil)},
		"storage driver": {resource: "csinodes", group: "storage.k8s.io", object: &storage.CSINode{
			Spec: storage.CSINodeSpec{Drivers: []storage.CSINodeDriver{{Name: "x"}}}}},
		"lease with a label":     {resource: "leases", group: "coordination.k8s.io", object: &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"a": "b"}}}},
		"lease with a finalizer": {resource: "leases", group: "coordination.k8s.io", object: &coordination.Lease{ObjectMeta: metav1.ObjectMeta{Finalizers: []string{"a/b"}}}},
		"lease of another":       {resource: "leases", group: "coordination.k8s.io", object: &coordination.Lease{ObjectMeta: owned("w2")}},
	})
}

func reported(change func(*core.Pod)) *core.Pod {
	pod := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "mine", Labels: map[string]string{"app": "a"}},
		Status:     core.PodStatus{HostIP: "192.168.1.7", HostIPs: []core.HostIP{{IP: "192.168.1.7"}}, PodIPs: []core.PodIP{{IP: "10.42.1.9"}}},
	}
	if change != nil {
		change(pod)
	}
	return pod
}

func status(change, before func(*core.Pod)) asked {
	return asked{resource: "pods", subresource: "status", object: reported(change), old: reported(before)}
}

func TestPodHasAnAddressOfItsNodesRangeOnly(t *testing.T) {
	none := func(p *core.Pod) { p.Status = core.PodStatus{} }
	at := func(address string) func(*core.Pod) {
		return func(p *core.Pod) { p.Status.PodIPs = []core.PodIP{{IP: "10.42.1.9"}, {IP: address}} }
	}
	expect(t, true, map[string]asked{
		"its address":       status(nil, none),
		"no address yet":    status(none, none),
		"an ended pod":      status(none, nil),
		"as it was before":  status(at("10.42.9.9"), at("10.42.9.9")),
		"one of the host's": status(func(p *core.Pod) { p.Spec.HostNetwork = true; p.Status.PodIPs[0].IP = "192.168.1.7" }, none),
	})
	for _, address := range []string{"192.168.1.1", "8.8.8.8", "10.42.2.9", "10.42.1.0", "10.42.1.1", "10.42.1.255", "10.43.0.10", "127.0.0.1", "169.254.169.254", "192.168.1.7", "::1", "", "x", "10.42.1.9 ", "::ffff:10.42.1.9"} {
		expect(t, false, map[string]asked{
			"pod at " + address: status(at(address), none),
			"host at " + address: status(func(p *core.Pod) {
				p.Status.HostIPs = []core.HostIP{{IP: "192.168.1.7"}, {IP: address + "0"}}
			}, none),
		})
	}
	unknown := cluster(t)
	nobody := &user.DefaultInfo{Name: "system:node:w9", Groups: w1.Groups}
	if unknown.judge(status(nil, none), nobody) == nil {
		t.Error("a node without a range gives addresses")
	}
}

func TestNodeChangesNoMetadataOfPods(t *testing.T) {
	expect(t, false, map[string]asked{
		"label":      status(func(p *core.Pod) { p.Labels = nil }, nil),
		"annotation": status(func(p *core.Pod) { p.Annotations = map[string]string{"a": "b"} }, nil),
		"finalizer":  status(func(p *core.Pod) { p.Finalizers = []string{"a/b"} }, nil),
	})
}

func told(change func(*core.Event)) *core.Event {
	event := &core.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: "ns", Name: "e"},
		InvolvedObject:      core.ObjectReference{Kind: "Pod", APIVersion: "v1", Namespace: "ns", Name: "mine", UID: "uid-of-x"},
		Source:              core.EventSource{Component: "kubelet", Host: "w1"},
		ReportingController: "kubelet", ReportingInstance: "w1",
	}
	if change != nil {
		change(event)
	}
	return event
}

func TestNodeTellsOfItselfAndItsPodsOnly(t *testing.T) {
	tells := func(change func(*core.Event)) asked { return asked{resource: "events", object: told(change)} }
	expect(t, true, map[string]asked{
		"its pod":              tells(nil),
		"its pod, again":       {resource: "events", object: told(nil), old: told(nil)},
		"its pod, as new":      {resource: "events", group: "events.k8s.io", object: told(nil)},
		"a pod not listed yet": tells(func(e *core.Event) { e.InvolvedObject.Name = "new" }),
		"itself":               tells(func(e *core.Event) { e.InvolvedObject = core.ObjectReference{Kind: "Node", Name: "w1"} }),
		"an eviction":          tells(func(e *core.Event) { e.Annotations = map[string]string{"starved_resource": "memory"} }),
	})
	others := map[string]func(*core.Event){
		"another's pod":       func(e *core.Event) { e.InvolvedObject.Name = "theirs" },
		"a pod that is not":   func(e *core.Event) { e.InvolvedObject.Name = "none" },
		"a former pod":        func(e *core.Event) { e.InvolvedObject.UID = "former" },
		"another node":        func(e *core.Event) { e.InvolvedObject = core.ObjectReference{Kind: "Node", Name: "w2"} },
		"a Deployment":        func(e *core.Event) { e.InvolvedObject.Kind = "Deployment" },
		"a Pod of others":     func(e *core.Event) { e.InvolvedObject.APIVersion = "example.com/v1" },
		"something related":   func(e *core.Event) { e.Related = &core.ObjectReference{Kind: "Pod"} },
		"as another node":     func(e *core.Event) { e.Source.Host = "w2" },
		"as another instance": func(e *core.Event) { e.ReportingInstance = "w2" },
		"as the scheduler":    func(e *core.Event) { e.Source.Component = "default-scheduler" },
		"as a new scheduler":  func(e *core.Event) { e.Source, e.ReportingController = core.EventSource{}, "default-scheduler" },
		"as kube-proxy": func(e *core.Event) {
			e.InvolvedObject = core.ObjectReference{Kind: "Node", Name: "w1"}
			e.Source, e.ReportingController, e.ReportingInstance = core.EventSource{}, "kube-proxy", "kube-proxy-host"
		},
		"with a label":       func(e *core.Event) { e.Labels = map[string]string{"a": "b"} },
		"with a finalizer":   func(e *core.Event) { e.Finalizers = []string{"a/b"} },
		"with an annotation": func(e *core.Event) { e.Annotations = map[string]string{"a": "b"} },
	}
	for name, change := range others {
		expect(t, false, map[string]asked{
			name:                  tells(change),
			name + ", as new":     {resource: "events", group: "events.k8s.io", object: told(change)},
			name + ", to its own": {resource: "events", object: told(change), old: told(nil)},
		})
	}
	expect(t, false, map[string]asked{"another's, made its own": {resource: "events", object: told(nil), old: told(others["another's pod"])}})
}

func TestOthersThanNodesAreNotJudged(t *testing.T) {
	admin := &user.DefaultInfo{Name: "admin", Groups: []string{"system:masters"}}
	if err := cluster(t).judge(asked{resource: "nodes", object: placed(nil), old: registered(nil)}, admin); err != nil {
		t.Error(err)
	}
}

func TestNodeWithoutANameWritesNothing(t *testing.T) {
	nameless := &user.DefaultInfo{Name: "eve", Groups: []string{"system:nodes"}}
	if cluster(t).judge(asked{resource: "nodes", object: registered(nil)}, nameless) == nil {
		t.Error("it registers")
	}
}
