package admission

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
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
	"DELETE resourceslices.resource.k8s.io":                 allowed, // a kubelet clears what a former driver left
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

// equal takes what is empty for what is not there.
func equal(a, b any) bool { return apiequality.Semantic.DeepEqual(a, b) }

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
