package admission

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/initializer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
)

// TenantPodsName is the plugin's name in the API server's list.
const TenantPodsName = "TenantPodsAreFilledIn"

// tenantPods fills in the pods of tenants when they are made, so that templates stay as they were written.
type tenantPods struct {
	*admission.Handler
	client     kubernetes.Interface
	namespaces listers.NamespaceLister
}

var (
	_ admission.MutationInterface                  = &tenantPods{}
	_ initializer.WantsExternalKubeInformerFactory = &tenantPods{}
	_ initializer.WantsExternalKubeClientSet       = &tenantPods{}
)

// NewTenantPods makes the plugin.
func NewTenantPods() admission.Interface {
	return &tenantPods{Handler: admission.NewHandler(admission.Create)}
}

func (t *tenantPods) SetExternalKubeClientSet(client kubernetes.Interface) { t.client = client }

func (t *tenantPods) SetExternalKubeInformerFactory(factory informers.SharedInformerFactory) {
	namespaces := factory.Core().V1().Namespaces()
	t.namespaces = namespaces.Lister()
	t.SetReadyFunc(namespaces.Informer().HasSynced)
}

func (t *tenantPods) ValidateInitialization() error {
	if t.client == nil || t.namespaces == nil {
		return fmt.Errorf("%s lacks a client or its informer", TenantPodsName)
	}
	return nil
}

// Admit fills in.
func (t *tenantPods) Admit(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetResource().GroupResource() != core.Resource("pods") || a.GetSubresource() != "" {
		return nil
	}
	pod, isPod := a.GetObject().(*core.Pod)
	if !isPod {
		return admission.NewForbidden(a, fmt.Errorf("unexpected object %T", a.GetObject()))
	}
	if !t.WaitForReady() {
		return admission.NewForbidden(a, fmt.Errorf("the API server does not know yet whose namespace %s is", a.GetNamespace()))
	}
	if t.isTenants(ctx, a.GetNamespace()) {
		FillPod(pod)
	}
	return nil
}

// isTenants looks into the datastore when the namespace is newer than the list at hand. A namespace that is nowhere is
// refused by Kubernetes.
func (t *tenantPods) isTenants(ctx context.Context, name string) bool {
	isTenants := func(namespace *corev1.Namespace, err error) bool {
		return err == nil && namespace.Labels[tenantLabel] == "true"
	}
	return isTenants(t.namespaces.Get(name)) || isTenants(t.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}))
}
