package admission

import (
	"context"
	"errors"
	"io"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kube-aggregator/pkg/apis/apiregistration"
	"k8s.io/kubernetes/pkg/apis/admissionregistration"
)

// UnreachableName is the plugin's name in the API server's list.
const UnreachableName = "NoUnreachableServices"

var errUnreachable = errors.New("the API server can reach no service in the cluster, so that all who depend on this one would wait for it in vain; " +
	"use a ValidatingAdmissionPolicy or a MutatingAdmissionPolicy instead of a webhook")

// NewUnreachable makes the plugin that refuses webhooks and aggregated APIs, because the control plane connects to
// kubelets only: a webhook that must not fail would leave namespaces terminating for ever.
func NewUnreachable(io.Reader) (admission.Interface, error) {
	return &unreachable{admission.NewHandler(admission.Create, admission.Update)}, nil
}

type unreachable struct{ *admission.Handler }

var _ admission.ValidationInterface = &unreachable{}

func (*unreachable) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if needsService(a.GetObject()) {
		return admission.NewForbidden(a, errUnreachable)
	}
	return nil
}

func needsService(object runtime.Object) bool {
	switch o := object.(type) {
	case *admissionregistration.ValidatingWebhookConfiguration:
		return len(o.Webhooks) > 0
	case *admissionregistration.MutatingWebhookConfiguration:
		return len(o.Webhooks) > 0
	case *apiextensions.CustomResourceDefinition:
		return o.Spec.Conversion != nil && o.Spec.Conversion.Strategy == apiextensions.WebhookConverter
	case *apiregistration.APIService:
		return o.Spec.Service != nil
	default:
		return false
	}
}
