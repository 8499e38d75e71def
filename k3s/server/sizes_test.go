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
	tenant := &user.DefaultInfo{Name: "sui:0x1"}
	for _, test := range []struct {
		group, kind, resource, subresource string
		object                             func(size int) runtime.Object
		limit                              int
	}{
		{"", "Secret", "secrets", "", secret, 256 << 10},
		{"", "Event", "events", "", event, 4 << 10},
		{"certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", "", csr, 8 << 10},
		{"", "Pod", "pods", "status", annotated, 64 << 10},
		{"", "Node", "nodes", "status", images, 96 << 10},
		{"", "Service", "services", "", func(size int) runtime.Object {
			return &core.Service{Spec: core.ServiceSpec{ExternalName: text(size)}}
		}, maxOtherBytes},
	} {
		charged := 0
		plugin := newSizes(func(_ user.Info, bytes int) { charged += bytes })
		attributes := func(size int, who user.Info) admission.Attributes {
			return written(test.object(size), test.group, test.kind, test.resource, test.subresource, who)
		}
		if err := plugin.Validate(context.Background(), attributes(test.limit-300, tenant), nil); err != nil {
			t.Errorf("%s below the limit: %v", test.kind, err)
		}
		if charged < test.limit-300 || charged > test.limit {
			t.Errorf("%s: %d bytes are charged", test.kind, charged)
		}
		err := plugin.Validate(context.Background(), attributes(test.limit, tenant), nil)
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
