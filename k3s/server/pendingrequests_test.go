package server

import (
	"context"
	"fmt"
	"testing"

	certificatesv1 "k8s.io/api/certificates/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/apis/certificates"
)

func TestRequesterWithFourSigningRequestsWaitingMakesNoMore(t *testing.T) {
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	plugin := newPendingRequests()
	plugin.SetExternalKubeInformerFactory(factory)
	store := factory.Certificates().V1().CertificateSigningRequests().Informer().GetStore()
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	add := func(name, requester string, conditions ...certificatesv1.CertificateSigningRequestCondition) {
		request := &certificatesv1.CertificateSigningRequest{ObjectMeta: metav1.ObjectMeta{Name: name}}
		request.Spec.Username, request.Status.Conditions = requester, conditions
		if err := store.Add(request); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		add(fmt.Sprint("w1-", i), "system:node:w1")
		add(fmt.Sprint("w2-", i), "system:node:w2")
		add(fmt.Sprint("decided-", i), "system:node:w1", certificatesv1.CertificateSigningRequestCondition{Type: "Denied"})
	}
	ask := func(who user.Info) error {
		request := written(&certificates.CertificateSigningRequest{}, "certificates.k8s.io", "CertificateSigningRequest", "certificatesigningrequests", "", who)
		return plugin.Validate(context.Background(), request, nil)
	}
	if err := ask(kubelet("w1")); err != nil {
		t.Errorf("the fourth is refused: %v", err)
	}
	add("w1-fourth", "system:node:w1")
	if err := ask(kubelet("w1")); err == nil {
		t.Error("the fifth is let pass")
	}
	if err := ask(kubelet("w2")); err != nil {
		t.Errorf("of another node the fourth is refused: %v", err)
	}
}
