package admission

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/auth/nodeidentifier"
)

// NodesName is the plugin's name in the API server's list.
const NodesName = "NodesSayWhatTheyAre"

// nodes is the plugin that bounds what a node may write. Kubernetes's NodeRestriction keeps a node to its own objects;
// this one says what may stand in them. Where a node's pods run, which addresses they have and what is scheduled to it
// is the control plane's to say, and what is not named in rules is nothing that our kubelets do.
type nodes struct {
	*admission.Handler
	ranges []netip.Prefix
	client kubernetes.Interface
	pods   listers.PodLister
	nodes  listers.NodeLister
}

var (
	_ admission.ValidationInterface                = &nodes{}
	_ initializer.WantsExternalKubeInformerFactory = &nodes{}
	_ initializer.WantsExternalKubeClientSet       = &nodes{}
)

// NewNodes makes the plugin. In the ranges, those of pods and of Services, no machine has its address.
func NewNodes(ranges ...netip.Prefix) admission.Interface {
	all := admission.NewHandler(admission.Create, admission.Update, admission.Delete, admission.Connect)
	return &nodes{Handler: all, ranges: ranges}
}

func (n *nodes) SetExternalKubeClientSet(client kubernetes.Interface) { n.client = client }

func (n *nodes) SetExternalKubeInformerFactory(factory informers.SharedInformerFactory) {
	pods, nodes := factory.Core().V1().Pods(), factory.Core().V1().Nodes()
	n.pods, n.nodes = pods.Lister(), nodes.Lister()
	n.SetReadyFunc(func() bool { return pods.Informer().HasSynced() && nodes.Informer().HasSynced() })
}

func (n *nodes) ValidateInitialization() error {
	if n.client == nil || n.pods == nil || n.nodes == nil {
		return fmt.Errorf("%s lacks a client or its informers", NodesName)
	}
	return nil
}

// write is what a node asks to be written.
type write struct {
	context.Context
	admission.Attributes
	node string
}

// rule says why a node must not write, or nil.
type rule func(*nodes, write) error

// rules are for an operation and a resource each. Where one says "allowed", NodeRestriction or the plugin for signing
// requests looks into the object.
var rules = map[string]rule{
	"CREATE nodes":                                          (*nodes).checkNode,
	"UPDATE nodes":                                          (*nodes).checkNode,
	"UPDATE nodes/status":                                   (*nodes).checkNode,
	"DELETE pods":                                           allowed,
	"UPDATE pods/status":                                    (*nodes).checkPodStatus,
	"CREATE pods/eviction":                                  allowed,
	"CREATE events":                                         (*nodes).checkEvent,
	"UPDATE events":                                         (*nodes).checkEvent,
	"CREATE events.events.k8s.io":                           (*nodes).checkEvent,
	"UPDATE events.events.k8s.io":                           (*nodes).checkEvent,
	"CREATE leases.coordination.k8s.io":                     checkLease,
	"UPDATE leases.coordination.k8s.io":                     checkLease,
	"DELETE leases.coordination.k8s.io":                     allowed,
	"CREATE csinodes.storage.k8s.io":                        checkCSINode,
	"UPDATE csinodes.storage.k8s.io":                        checkCSINode,
	"DELETE csinodes.storage.k8s.io":                        allowed,
	"CREATE serviceaccounts/token":                          allowed,
	"CREATE certificatesigningrequests.certificates.k8s.io": allowed,
	"CREATE tokenreviews.authentication.k8s.io":             allowed,
	"CREATE selfsubjectreviews.authentication.k8s.io":       allowed,
	"CREATE subjectaccessreviews.authorization.k8s.io":      allowed,
	"CREATE localsubjectaccessreviews.authorization.k8s.io": allowed,
	"CREATE selfsubjectaccessreviews.authorization.k8s.io":  allowed,
	"CREATE selfsubjectrulesreviews.authorization.k8s.io":   allowed,
}

func allowed(*nodes, write) error { return nil }

// Validate judges what nodes write, and nobody else.
func (n *nodes) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if !slices.Contains(a.GetUserInfo().GetGroups(), user.NodesGroup) {
		return nil
	}
	name, isNode := nodeidentifier.NewDefaultNodeIdentifier().NodeIdentity(a.GetUserInfo())
	if !isNode {
		return admission.NewForbidden(a, fmt.Errorf("%s is no node's name", a.GetUserInfo().GetName()))
	}
	check, known := rules[string(a.GetOperation())+" "+resourceOf(a)]
	if !known {
		return admission.NewForbidden(a, errors.New("this is nothing that a node writes"))
	}
	if !n.WaitForReady() {
		return admission.NewForbidden(a, errors.New("the API server does not know yet what the node may write"))
	}
	if err := check(n, write{ctx, a, name}); err != nil {
		return admission.NewForbidden(a, err)
	}
	return nil
}

// resourceOf writes a resource the way that rules do.
func resourceOf(a admission.Attributes) string {
	resource := a.GetResource().Resource
	if a.GetSubresource() != "" {
		resource += "/" + a.GetSubresource()
	}
	return schema.GroupResource{Group: a.GetResource().Group, Resource: resource}.String()
}

// objects are what is to be written and what was there; of what is new there was nothing.
func objects[T any](w write) (object, old *T, err error) {
	object, isObject := any(w.GetObject()).(*T)
	if !isObject {
		return nil, nil, fmt.Errorf("unexpected object %T", w.GetObject())
	}
	if w.GetOperation() == admission.Create {
		return object, new(T), nil
	}
	old, isOld := any(w.GetOldObject()).(*T)
	if !isOld {
		return nil, nil, fmt.Errorf("unexpected object %T", w.GetOldObject())
	}
	return object, old, nil
}

// checkPodStatus keeps a pod's addresses within the node's own range, where no other pod and no Service is.
func (n *nodes) checkPodStatus(w write) error {
	pod, old, err := objects[core.Pod](w)
	if err != nil {
		return err
	}
	if !apiequality.Semantic.DeepEqual(pod.Labels, old.Labels) || !apiequality.Semantic.DeepEqual(pod.Annotations, old.Annotations) ||
		!apiequality.Semantic.DeepEqual(pod.Finalizers, old.Finalizers) {
		return errors.New("a node changes a pod's status only, not its metadata")
	}
	if apiequality.Semantic.DeepEqual(pod.Status.PodIPs, old.Status.PodIPs) &&
		apiequality.Semantic.DeepEqual(pod.Status.HostIPs, old.Status.HostIPs) && pod.Status.HostIP == old.Status.HostIP {
		return nil
	}
	node, err := n.nodes.Get(w.node)
	if err != nil {
		return fmt.Errorf("the node's addresses are not known: %w", err)
	}
	return checkPodAddresses(pod, node)
}

func checkPodAddresses(pod *core.Pod, node *corev1.Node) error {
	for _, ip := range pod.Status.PodIPs {
		if !isWithin(ip.IP, node.Spec.PodCIDR) && !(pod.Spec.HostNetwork && isAddressOf(ip.IP, node)) {
			return fmt.Errorf("pod address %q is not within the node's range %q", ip.IP, node.Spec.PodCIDR)
		}
	}
	if ip := pod.Status.HostIP; ip != "" && !isAddressOf(ip, node) {
		return fmt.Errorf("host address %q is none of the node's", ip)
	}
	for _, ip := range pod.Status.HostIPs {
		if !isAddressOf(ip.IP, node) {
			return fmt.Errorf("host address %q is none of the node's", ip.IP)
		}
	}
	return nil
}

func isWithin(address, cidr string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	prefix, err := netip.ParsePrefix(cidr)
	return err == nil && prefix.Contains(ip)
}

func isAddressOf(address string, node *corev1.Node) bool {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP && a.Address == address {
			return true
		}
	}
	return false
}

// evictionNotes are the annotations that a kubelet adds to the event of an eviction.
var evictionNotes = []string{"offending_containers", "offending_containers_usage", "offending_pod", "offending_pod_usage", "starved_resource"}

// checkEvent lets a node tell of its own pods and of itself, under its own name.
func (n *nodes) checkEvent(w write) error {
	event, old, err := objects[core.Event](w)
	if err != nil {
		return err
	}
	if w.GetOperation() == admission.Update && !n.isOwnEvent(w, old) || !n.isOwnEvent(w, event) {
		return errors.New("a node tells of itself and of pods that run on it, under its own name")
	}
	return checkMetadata(w.node, &event.ObjectMeta, evictionNotes)
}

func (n *nodes) isOwnEvent(w write, event *core.Event) bool {
	return event.Related == nil && isOwnReporter(w.node, event) && n.isOwnSubject(w, &event.InvolvedObject)
}

// isOwnReporter knows a kubelet by its node, and kube-proxy by the form of what it signs with, the machine's own name.
func isOwnReporter(node string, event *core.Event) bool {
	if event.Source.Component == "kubelet" {
		return event.Source.Host == node && isOneOf(event.ReportingController, "", "kubelet") && isOneOf(event.ReportingInstance, "", node)
	}
	return event.Source == core.EventSource{} && event.ReportingController == "kube-proxy" && strings.HasPrefix(event.ReportingInstance, "kube-proxy-")
}

func isOneOf(text string, known ...string) bool { return slices.Contains(known, text) }

func (n *nodes) isOwnSubject(w write, subject *core.ObjectReference) bool {
	if subject.APIVersion != "" && subject.APIVersion != "v1" {
		return false
	}
	switch subject.Kind {
	case "Node":
		return subject.Name == w.node
	case "Pod":
		return n.runs(w, subject)
	default:
		return false
	}
}

// runs looks into the datastore when the list at hand is older than what the kubelet knows.
func (n *nodes) runs(w write, subject *core.ObjectReference) bool {
	isOwn := func(pod *corev1.Pod, err error) bool {
		return err == nil && pod.Spec.NodeName == w.node && pod.UID == subject.UID
	}
	return isOwn(n.pods.Pods(subject.Namespace).Get(subject.Name)) ||
		isOwn(n.client.CoreV1().Pods(subject.Namespace).Get(w, subject.Name, metav1.GetOptions{}))
}
