package server

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	own "daasvader/k3s/admission"
)

// maxBytes is how large an object may be, as it is stored, status and metadata included, when somebody outside the
// control plane writes it.
var maxBytes = map[schema.GroupResource]int{
	{Resource: "events"}:                                                   4 << 10, // Kubernetes allows a message of 1 KiB
	{Group: "events.k8s.io", Resource: "events"}:                           4 << 10,
	{Group: "certificates.k8s.io", Resource: "certificatesigningrequests"}: 8 << 10, // an RSA key of 4,096 bits needs 2 KiB
	{Group: "coordination.k8s.io", Resource: "leases"}:                     2 << 10,
	{Resource: "secrets"}:                                                  256 << 10, // both are quoted in numbers per namespace
	{Resource: "configmaps"}:                                               256 << 10,
	{Resource: "nodes"}:                                                    96 << 10, // a kubelet tells of 50 images with five names each, of 330 bytes at most: 82 KiB
	{Resource: "pods"}:                                                     64 << 10, // an order has 8 KiB, the messages of ended containers 12 KiB
}

// maxOtherBytes bounds what the table does not name.
const maxOtherBytes = 32 << 10

// sizes is the admission plugin that bounds objects, and charges them to their writer.
type sizes struct {
	*admission.Handler
	charge func(who user.Info, bytes int)
}

var _ admission.ValidationInterface = &sizes{}

func newSizes(charge func(user.Info, int)) *sizes {
	return &sizes{Handler: admission.NewHandler(admission.Create, admission.Update), charge: charge}
}

// Validate refuses an object that is too large.
func (s *sizes) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if own.IsControlPlane(a.GetUserInfo()) || a.GetObject() == nil {
		return nil
	}
	size, err := storedSize(a)
	if err != nil {
		return errors.NewInternalError(fmt.Errorf("Cannot tell the size of %s: %w", a.GetResource().Resource, err))
	}
	limit, ok := maxBytes[a.GetResource().GroupResource()]
	if !ok {
		limit = maxOtherBytes
	}
	if size > limit {
		return admission.NewForbidden(a, fmt.Errorf("it has %d bytes with its metadata and status, of %d that it may have", size, limit))
	}
	s.charge(a.GetUserInfo(), size)
	return nil
}

// storedSize is how many bytes the datastore will hold, but for a few of framing.
func storedSize(a admission.Attributes) (int, error) {
	object, err := legacyscheme.Scheme.ConvertToVersion(a.GetObject(), a.GetKind().GroupVersion())
	if err != nil {
		return 0, err
	}
	sized, ok := object.(interface{ Size() int })
	if !ok {
		return 0, fmt.Errorf("%T has no size", object)
	}
	return sized.Size(), nil
}
