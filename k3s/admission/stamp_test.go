package admission

import (
	"context"
	"maps"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/pkg/apis/authorization"
	"k8s.io/kubernetes/pkg/apis/core"
)

// stamped is what becomes of a ConfigMap; a nil old is a creation.
func stamped(t *testing.T, who user.Info, is, was *metav1.ObjectMeta, subresource string, trial bool) *metav1.ObjectMeta {
	t.Helper()
	object, old, operation := &core.ConfigMap{ObjectMeta: *is.DeepCopy()}, runtime.Object(nil), admission.Create
	if was != nil {
		old, operation = &core.ConfigMap{ObjectMeta: *was}, admission.Update
	}
	a := admission.NewAttributesRecord(object, old, schema.GroupVersionKind{}, "ns", is.Name, schema.GroupVersionResource{Resource: "configmaps"},
		subresource, operation, nil, trial, who)
	if err := NewStamp().(*stamp).Admit(context.Background(), a, nil); err != nil {
		t.Fatal(err)
	}
	return &object.ObjectMeta
}

func annotated(pairs ...string) *metav1.ObjectMeta {
	marks := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		marks[key] = value
	}
	return &metav1.ObjectMeta{Name: "x", Annotations: marks, Labels: marks}
}

func TestOrderIsStampedWhereItIsWritten(t *testing.T) {
	for name, row := range map[string]struct {
		who           string
		is, was, want *metav1.ObjectMeta
		subresource   string
		trial         bool
	}{
		"creation":             {who: "order", is: annotated(), want: annotated("daasvader.io/request-id=7")},
		"change":               {who: "order", is: annotated("a=1"), was: annotated("daasvader.io/request-id=6"), want: annotated("a=1", "daasvader.io/request-id=7")},
		"lie":                  {who: "order", is: annotated("daasvader.io/request-id=9"), want: annotated("daasvader.io/request-id=7")},
		"trial":                {who: "order", is: annotated("a=1"), trial: true, want: annotated("a=1")},
		"subresource":          {who: "order", is: annotated("a=1"), subresource: "scale", want: annotated("a=1")},
		"user's creation":      {who: "user", is: annotated("a=1", "daasvader.io/request-id=9", "daasvader.io/managed=true"), want: annotated("a=1")},
		"user's change":        {who: "user", is: annotated("daasvader.io/request-id=9"), was: annotated("daasvader.io/request-id=6"), want: annotated("daasvader.io/request-id=6")},
		"user who leaves out":  {who: "user", is: annotated("a=1"), was: annotated("daasvader.io/managed=true"), want: annotated("a=1", "daasvader.io/managed=true")},
		"user and subresource": {who: "user", is: annotated("daasvader.io/x=1"), was: annotated(), subresource: "status", want: annotated()},
		"group without order":  {who: "group without order", is: annotated(), want: annotated()},
		"odd number":           {who: "order of an odd number", is: annotated(), want: annotated()},
		"node":                 {who: "node", is: annotated("daasvader.io/region=eu"), was: annotated("daasvader.io/region=us"), want: annotated("daasvader.io/region=us")},
		"controller":           {who: "controller", is: annotated("daasvader.io/request-id=6"), want: annotated("daasvader.io/request-id=6")},
		"enclave":              {who: "enclave", is: annotated("daasvader.io/managed=true"), was: annotated(), want: annotated("daasvader.io/managed=true")},
	} {
		got := stamped(t, callers[row.who], row.is, row.was, row.subresource, row.trial)
		if !maps.Equal(got.Annotations, row.want.Annotations) {
			t.Errorf("%s: annotations %v", name, got.Annotations)
		}
		delete(row.want.Labels, orderAnnotation)
		if row.was != nil && row.was.Labels[orderAnnotation] != "" {
			row.want.Labels[orderAnnotation] = row.was.Labels[orderAnnotation]
		}
		if row.who == "controller" {
			row.want.Labels = row.is.Labels
		}
		if !maps.Equal(got.Labels, row.want.Labels) {
			t.Errorf("%s: labels %v", name, got.Labels)
		}
	}
}

func TestOrderNamesWhatItGenerates(t *testing.T) {
	name := func(who, base, name string) string {
		return stamped(t, callers[who], &metav1.ObjectMeta{GenerateName: base, Name: name}, nil, "", false).Name
	}
	if got := name("order", "web-", ""); got != "web-00007" || got != name("order", "web-", "") {
		t.Errorf("it is %q", got)
	}
	if got := name("order", "web-", "own"); got != "own" {
		t.Errorf("a given name is %q", got)
	}
	for _, who := range []string{"user", "controller"} {
		if got := name(who, "web-", ""); got != "" {
			t.Errorf("%s gets %q", who, got)
		}
	}
	if got := stamped(t, callers["order"], &metav1.ObjectMeta{GenerateName: "web-"}, nil, "", true).Name; got != "" {
		t.Errorf("a trial gets %q", got)
	}
	for order, want := range map[uint64]string{0: "a-00000", 35: "a-0000z", 36: "a-00010", 1 << 32: "a-1z141z4"} {
		if got := generatedName("a-", order); got != want {
			t.Errorf("order %d: %s", order, got)
		}
	}
	if got := generatedName(strings.Repeat("b", 100), 7); got != strings.Repeat("b", 58)+"00007" {
		t.Errorf("long: %s", got)
	}
}

func TestWhatCarriesNoMetadataIsNotStamped(t *testing.T) {
	a := admission.NewAttributesRecord(&metav1.Status{}, nil, schema.GroupVersionKind{}, "", "", schema.GroupVersionResource{Resource: "x"}, "",
		admission.Create, nil, false, callers["order"])
	if err := NewStamp().(*stamp).Admit(context.Background(), a, nil); err != nil {
		t.Error(err)
	}
	review := &authorization.SelfSubjectAccessReview{}
	a = admission.NewAttributesRecord(review, nil, schema.GroupVersionKind{}, "", "", schema.GroupVersionResource{Resource: "selfsubjectaccessreviews"}, "",
		admission.Create, nil, false, callers["user"])
	if err := NewStamp().(*stamp).Admit(context.Background(), a, nil); err != nil {
		t.Error(err)
	}
}
