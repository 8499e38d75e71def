package server

import (
	"context"
	"fmt"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/informers"
	certificates "k8s.io/client-go/listers/certificates/v1"

	own "daasvader/k3s/admission"
)

// maxPending is how many signing requests of one requester may wait. A kubelet has two: client and serving; after a
// restart it asks anew without waiting for the first.
const maxPending = 4

// pendingRequests is the admission plugin that bounds the signing requests which wait for a decision.
type pendingRequests struct {
	*admission.Handler
	requests certificates.CertificateSigningRequestLister
}

var _ admission.ValidationInterface = &pendingRequests{}

func newPendingRequests() *pendingRequests {
	return &pendingRequests{Handler: admission.NewHandler(admission.Create)}
}

// SetExternalKubeInformerFactory implements initializer.WantsExternalKubeInformerFactory.
func (p *pendingRequests) SetExternalKubeInformerFactory(factory informers.SharedInformerFactory) {
	requests := factory.Certificates().V1().CertificateSigningRequests()
	p.requests = requests.Lister()
	p.SetReadyFunc(requests.Informer().HasSynced)
}

// ValidateInitialization implements admission.InitializationValidator.
func (p *pendingRequests) ValidateInitialization() error {
	if p.requests == nil {
		return fmt.Errorf("no informers")
	}
	return nil
}

// Validate refuses a request of somebody who has enough of them waiting.
func (p *pendingRequests) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	resource := a.GetResource().GroupResource()
	if resource.Group != certificatesv1.GroupName || resource.Resource != "certificatesigningrequests" ||
		own.IsControlPlane(a.GetUserInfo()) {
		return nil
	}
	if !p.WaitForReady() {
		return admission.NewForbidden(a, fmt.Errorf("not yet ready to handle request"))
	}
	requests, err := p.requests.List(labels.Everything())
	if err != nil {
		return err
	}
	pending := 0
	for _, request := range requests {
		if request.Spec.Username == a.GetUserInfo().GetName() && len(request.Status.Conditions) == 0 {
			pending++
		}
	}
	if pending >= maxPending {
		return admission.NewForbidden(a, fmt.Errorf("%d of your signing requests wait for a decision already", pending))
	}
	return nil
}
