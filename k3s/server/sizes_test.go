package server

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/pkg/apis/certificates"
	_ "k8s.io/kubernetes/pkg/apis/certificates/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
)

func written(object runtime.Object, group, kind, resource, subresource string, who user.Info) admission.Attributes {
	kinds := schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
	resources := schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
	return admission.NewAttributesRecord(object, nil, kinds, "default", "x", resources, subresource, admission.Create, nil, false, who)
}

func TestObjectsAreBoundedByWhatIsStored(t *testing.T) {
	text := func(size int) string { return strings.Repeat("x", size) }
	secret := func(size int) runtime.Object { return &core.Secret{Data: map[string][]byte{"k": []byte(text(size))}} }
	event := func(size int) runtime.Object { return &core.Event{Reason: text(size)} }
	csr := func(size int) runtime.Object {
		return &certificates.CertificateSigningRequest{Spec: certificates.CertificateSigningRequestSpec{Request: []byte(text(size))}}
	}
	annotated := func(size int) runtime.Object {
		pod := &core.Pod{}
		pod.Annotations = map[string]string{"a": text(size)}
		return pod
	}
	images := func(size int) runtime.Object {
		return &core.Node{Status: core.NodeStatus{Images: []core.ContainerImage{{Names: []string{text(size)}}}}}
	}
	tenant, w1 := &user.DefaultInfo{Name: "sui:0x1"}, kubelet("w1")
	claim := func(size int) runtime.Object {
		return &core.PersistentVolumeClaim{Spec: core.PersistentVolumeClaimSpec{VolumeName: text(size)}}
	}
	for _, test := range []struct {
		group, kind, resource, subresource string
		who                                user.Info
		object                             func(size int) runtime.Object
		limit                              int
	}{
		{"", "Secret", "secrets", "", tenant, secret, 1280 << 10},
		{"", "Pod", "pods", "", tenant, annotated, 128 << 10},
		{"", "PersistentVolumeClaim", "persistentvolumeclaims", "", tenant, claim, 256 << 10},
		{"", "Event", "events", "", w1, event, 4 << 10},
		{"certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", "", w1, csr, 8 << 10},
		{"", "Pod", "pods", "status", w1, annotated, 192 << 10},
		{"", "Node", "nodes", "status", w1, images, 96 << 10},
		{"", "Secret", "secrets", "", w1, secret, 32 << 10},
	} {
		charged := 0
		plugin := newSizes(func(_ user.Info, bytes int) { charged += bytes })
		attributes := func(size int, who user.Info) admission.Attributes {
			return written(test.object(size), test.group, test.kind, test.resource, test.subresource, who)
		}
		if err := plugin.Validate(context.Background(), attributes(test.limit-300, test.who), nil); err != nil {
			t.Errorf("%s below the limit: %v", test.kind, err)
		}
		if charged < test.limit-300 || charged > test.limit {
			t.Errorf("%s: %d bytes are charged", test.kind, charged)
		}
		err := plugin.Validate(context.Background(), attributes(test.limit, test.who), nil)
		if err == nil || !strings.Contains(err.Error(), "bytes") {
			t.Errorf("%s above the limit: %v", test.kind, err)
		}
		enclave := &user.DefaultInfo{Name: "system:admin", Groups: []string{user.SystemPrivilegedGroup}}
		if err := plugin.Validate(context.Background(), attributes(2*test.limit, enclave), nil); err != nil {
			t.Errorf("%s of the control plane: %v", test.kind, err)
		}
	}
}

func TestObjectWhoseSizeNobodyKnowsIsRefused(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "example.org/v1", "kind": "Thing"}}
	plugin := newSizes(func(user.Info, int) {})
	if err := plugin.Validate(context.Background(), written(object, "example.org", "Thing", "things", "", &user.DefaultInfo{Name: "u"}), nil); err == nil {
		t.Error("it is let pass")
	}
}

func TestOrdersAndDryRunsAreBoundedAndNotCharged(t *testing.T) {
	plugin := newSizes(func(user.Info, int) { t.Error("it is charged") })
	tenant := &user.DefaultInfo{Name: "sui:0x1"}
	order := &user.DefaultInfo{Name: "sui:0x1", Groups: []string{"daasvader:orders"}, Extra: map[string][]string{"daasvader.io/order": {"7"}}}
	for size, isRefused := range map[int]bool{1 << 10: false, 2 << 20: true} {
		for name, row := range map[string]struct {
			who   user.Info
			trial bool
		}{"order": {order, false}, "dry run": {tenant, true}} {
			object := &core.ConfigMap{Data: map[string]string{"k": strings.Repeat("x", size)}}
			a := written(object, "", "ConfigMap", "configmaps", "", row.who)
			trial := admission.NewAttributesRecord(object, nil, a.GetKind(), "ns", "x", a.GetResource(), "", admission.Create, nil, row.trial, row.who)
			if err := plugin.Validate(context.Background(), trial, nil); (err != nil) != isRefused {
				t.Errorf("%s of %d bytes: %v", name, size, err)
			}
		}
	}
}
