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

// maxNodeBytes is how large an object may be, in bytes as it is stored, status and metadata included, when a node writes
// it, or somebody who wants to be one.
var maxNodeBytes = map[schema.GroupResource]int{
	{Resource: "events"}:                                                   4 << 10, // Kubernetes allows a message of 1 KiB
	{Group: "events.k8s.io", Resource: "events"}:                           4 << 10,
	{Group: "certificates.k8s.io", Resource: "certificatesigningrequests"}: 8 << 10, // an RSA key of 4,096 bits needs 2 KiB
	{Group: "coordination.k8s.io", Resource: "leases"}:                     2 << 10,
	{Resource: "nodes"}:                                                    96 << 10, // a kubelet tells of 50 images with five names each, of 330 bytes at most: 82 KiB
	// A user's pod, and a status of 32 containers of 1.5 KiB each; the messages of ended ones are 12 KiB together.
	{Resource: "pods"}: own.MaxUserBytes(schema.GroupResource{Resource: "pods"}) + 64<<10,
}

// maxOtherNodeBytes bounds what the table does not name.
const maxOtherNodeBytes = 32 << 10

// sizes is the admission plugin that bounds objects, and charges them to their writer.
type sizes struct {
	*admission.Handler
	charge func(who user.Info, bytes int)
}

var _ admission.ValidationInterface = &sizes{}

func newSizes(charge func(user.Info, int)) *sizes {
	return &sizes{Handler: admission.NewHandler(admission.Create, admission.Update), charge: charge}
}

// Validate refuses an object that is too large. What the chain was paid for, and what is not stored, is not charged.
func (s *sizes) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	who := a.GetUserInfo()
	if own.IsControlPlane(who) || a.GetObject() == nil {
		return nil
	}
	size, err := storedSize(a)
	if err != nil {
		return errors.NewInternalError(fmt.Errorf("Cannot tell the size of %s: %w", a.GetResource().Resource, err))
	}
	if limit := maxBytes(who, a.GetResource().GroupResource()); size > limit {
		return admission.NewForbidden(a, fmt.Errorf("it has %d bytes with its metadata and status, of %d that it may have", size, limit))
	}
	if !own.IsOrder(who) && !a.IsDryRun() {
		s.charge(who, size)
	}
	return nil
}

func maxBytes(who user.Info, resource schema.GroupResource) int {
	if identityOfUser(who).class == member {
		return own.MaxUserBytes(resource)
	}
	if limit, isKnown := maxNodeBytes[resource]; isKnown {
		return limit
	}
	return maxOtherNodeBytes
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
