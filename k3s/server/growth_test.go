package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// filled is a datastore of which a share is in use.
func filled(share float64) *fill {
	f := &fill{limit: 1 << 30}
	f.available.Store(1 << 40)
	f.measured.Store(int64(share * (1 << 30)))
	return f
}

func TestNearlyFullDatastoreTakesWhatMustGoOn(t *testing.T) {
	tenant := &user.DefaultInfo{Name: "sui:0x1"}
	enclave := &user.DefaultInfo{Name: "system:admin", Groups: []string{user.SystemPrivilegedGroup}}
	replicaSets := &user.DefaultInfo{Name: "system:serviceaccount:kube-system:replicaset-controller"}
	const namespace = "/api/v1/namespaces/user-1/"
	for _, test := range []struct {
		who          user.Info
		method, path string
		from         float64 // the share from which it is refused
	}{
		{tenant, "POST", namespace + "secrets", growthMark},
		{tenant, "PUT", namespace + "secrets/s", growthMark},
		{tenant, "PATCH", namespace + "secrets/s", growthMark},
		{tenant, "DELETE", namespace + "secrets/s", never},
		{tenant, "DELETE", namespace + "secrets", never},
		{tenant, "GET", namespace + "secrets", never},
		{tenant, "POST", namespace + "pods?dryRun=All", never},
		{tenant, "PUT", namespace + "secrets/s?dryRun=All", never},
		{tenant, "APPLY", "/apis/apps/v1/namespaces/user-1/deployments/web?dryRun=All&fieldManager=daas", never},
		{tenant, "POST", namespace + "pods?dryRun=", growthMark},
		{tenant, "POST", namespace + "pods?dryrun=All", growthMark},
		{tenant, "POST", namespace + "pods/p/exec", never},
		{tenant, "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", never},
		{kubelet("w1"), "POST", namespace + "events", growthMark},
		{kubelet("w1"), "POST", "/api/v1/nodes", growthMark},
		{kubelet("w1"), "POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", never}, // its next certificate
		{&user.DefaultInfo{Name: "system:bootstrap:w2"}, "POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", growthMark},
		{kubelet("w1"), "PATCH", "/api/v1/nodes/w1/status", never},
		{kubelet("w1"), "PATCH", namespace + "pods/p/status", never},
		{kubelet("w1"), "DELETE", namespace + "pods/p", never},
		{kubelet("w1"), "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/w1", never},
		{enclave, "POST", namespace + "pods", orderMark},
		{enclave, "APPLY", "/apis/apps/v1/namespaces/user-1/deployments/web", orderMark},
		{enclave, "APPLY", "/apis/rbac.authorization.k8s.io/v1/namespaces/user-1/rolebindings/r", never},
		{enclave, "APPLY", "/api/v1/namespaces/kube-system/configmaps/revoked-nodes", never},
		{replicaSets, "POST", namespace + "pods", orderMark},
		{replicaSets, "PATCH", namespace + "pods/p", never}, // finalizers: without it nothing is deleted
	} {
		for _, share := range []float64{0, growthMark - 0.01, growthMark, orderMark + 0.01, 0.94} {
			r := from(test.who, test.method, test.path, 0)
			if test.method == "APPLY" {
				r = from(test.who, "PATCH", test.path, 0)
				r.Header.Set("Content-Type", "application/apply-patch+yaml")
			}
			w := httptest.NewRecorder()
			refuseGrowth(http.HandlerFunc(accept), filled(share), resolver, legacyscheme.Codecs).ServeHTTP(w, r)
			if refused := w.Code == http.StatusInsufficientStorage; refused != (share >= test.from) {
				t.Errorf("%s %s %s at %.2f: %d", test.who.GetName(), test.method, test.path, share, w.Code)
			}
		}
	}
}

func TestRefusalSaysWhatToDo(t *testing.T) {
	w := httptest.NewRecorder()
	r := from(&user.DefaultInfo{Name: "sui:0x1"}, "POST", "/api/v1/namespaces/x/secrets", 0)
	refuseGrowth(http.HandlerFunc(accept), filled(0.8), resolver, legacyscheme.Codecs).ServeHTTP(w, r)
	var status metav1.Status
	if err := json.Unmarshal(w.Body.Bytes(), &status); err != nil || !strings.Contains(status.Message, "80% of 1024 MiB): delete something") {
		t.Errorf("the answer is %s (%v)", w.Body, err)
	}
}

func TestFileSystemThatOthersFillCountsAsFull(t *testing.T) {
	f := filled(0.1)
	f.available.Store(100 << 20)
	if share := f.share(); share < orderMark {
		t.Errorf("with 100 MiB left of a limit of 1 GiB the share in use is %.2f", share)
	}
}
