package admission

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
)

// StampName is the plugin's name in the API server's list.
const StampName = "OrdersAreStamped"

// maxGeneratedName is how long Kubernetes itself makes a name that it generates.
const maxGeneratedName = 63

// stamp notes on each object that an order writes, in the same write, which order it was: after a crash that tells whether
// the order was carried out. Nobody outside the control plane sets a label or an annotation under the own prefix.
type stamp struct{ *admission.Handler }

var _ admission.MutationInterface = &stamp{}

// NewStamp makes the plugin.
func NewStamp() admission.Interface {
	return &stamp{admission.NewHandler(admission.Create, admission.Update)}
}

// Admit stamps. What people set under the own prefix is not refused but put back: they replace what they fetched.
func (*stamp) Admit(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if IsControlPlane(a.GetUserInfo()) || a.GetResource().Resource == "nodes" {
		return nil // what a node says of itself too much is refused, where nodes are judged
	}
	object, err := meta.Accessor(a.GetObject())
	if err != nil {
		return nil // such a thing has nothing that could be noted on it
	}
	if a.GetOldObject() == nil {
		DropOwn(object)
	} else if old, err := meta.Accessor(a.GetOldObject()); err == nil {
		keepOwn(object, old)
	} else {
		return admission.NewForbidden(a, fmt.Errorf("unexpected object %T", a.GetOldObject()))
	}
	order, isOrder := orderOf(a.GetUserInfo())
	if !isOrder || a.IsDryRun() || a.GetSubresource() != "" {
		return nil
	}
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[orderAnnotation] = strconv.FormatUint(order, 10)
	object.SetAnnotations(annotations)
	if base := object.GetGenerateName(); base != "" && object.GetName() == "" {
		object.SetName(generatedName(base, order))
	}
	return nil
}

// DropOwn takes off an object that is new what only the control plane may set.
func DropOwn(object metav1.Object) { keepOwn(object, &metav1.ObjectMeta{}) }

// keepOwn makes labels and annotations under the own prefix what they were.
func keepOwn(object, old metav1.Object) {
	object.SetLabels(withOwn(object.GetLabels(), old.GetLabels()))
	object.SetAnnotations(withOwn(object.GetAnnotations(), old.GetAnnotations()))
}

// withOwn is what somebody wrote, but for the keys under the own prefix, which are those of before.
func withOwn(written, before map[string]string) map[string]string {
	kept := map[string]string{}
	for key, value := range written {
		if !isOwn(key) {
			kept[key] = value
		}
	}
	for key, value := range before {
		if isOwn(key) {
			kept[key] = value
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return kept
}

func isOwn(key string) bool { return strings.HasPrefix(key, ownPrefix) }

// generatedName depends on the order alone, so that an order which is carried out again meets what it made: the number
// in base 36, of five digits at least, behind as much of the base as Kubernetes leaves of it.
func generatedName(base string, order uint64) string {
	suffix := strconv.FormatUint(order, 36)
	suffix = strings.Repeat("0", max(0, 5-len(suffix))) + suffix
	return base[:min(len(base), maxGeneratedName-len(suffix))] + suffix
}
