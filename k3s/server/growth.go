package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
)

const (
	// growthMark is the share of the datastore from which nobody outside the control plane adds to it. A quarter is
	// left for what must go on: statuses and leases, the orders under way, revocations, and deletes, which need as
	// much as they delete until the next compaction.
	growthMark = 0.75
	// orderMark is the share from which the control plane makes nothing new in tenants' namespaces either.
	orderMark = 0.85
)

// refuseGrowth answers 507 to requests that would make a datastore grow that is nearly full. Deletes always pass.
func refuseGrowth(next http.Handler, f *fill, resolver request.RequestInfoResolver, serializer runtime.NegotiatedSerializer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, err := resolver.NewRequestInfo(r)
		if err == nil && f.share() >= growthMark && growsFrom(callerOf(r), info, r) <= f.share() {
			responsewriters.ErrorNegotiated(insufficientStorage(f), serializer, schema.GroupVersion{Version: "v1"}, w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// never is a share that is not reached.
const never = 2

// growsFrom is the share of the datastore from which a request is refused.
func growsFrom(caller identity, info *request.RequestInfo, r *http.Request) float64 {
	if !info.IsResourceRequest || info.Subresource != "" || isDryRun(r) || !isStored(info) || isRenewal(caller, info) {
		return never
	}
	makes := info.Verb == "create" || isApply(r)
	changes := info.Verb == "update" || info.Verb == "patch"
	switch {
	case caller.class == controlPlane && makes && isTenants(info):
		return orderMark
	case caller.class != controlPlane && (makes || changes):
		return growthMark
	}
	return never
}

// isDryRun says whether the API server stores nothing of a request, but tells what would come of it. All is the only
// value that it takes.
func isDryRun(r *http.Request) bool {
	return slices.Equal(r.URL.Query()["dryRun"], []string{metav1.DryRunAll})
}

// isStored says whether a resource takes space for good: reviews are answered and forgotten, and each node has one
// lease, without which it would count as dead.
func isStored(info *request.RequestInfo) bool {
	switch info.APIGroup {
	case "authentication.k8s.io", "authorization.k8s.io", "coordination.k8s.io":
		return false
	}
	return true
}

// isRenewal says whether a node asks for its next certificate, without which it would be gone. Few of these may wait.
func isRenewal(caller identity, info *request.RequestInfo) bool {
	return caller.class == node && info.Resource == "certificatesigningrequests"
}

// isTenants says whether the control plane can do without this write. Rights must be taken away at any time, which
// also is a write.
func isTenants(info *request.RequestInfo) bool {
	return info.Namespace != "" && !strings.HasPrefix(info.Namespace, "kube-") && info.APIGroup != "rbac.authorization.k8s.io"
}

func insufficientStorage(f *fill) error {
	return &errors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure,
		Code:   http.StatusInsufficientStorage,
		Reason: "InsufficientStorage",
		Message: fmt.Sprintf("the cluster's datastore is nearly full (%.0f%% of %d MiB): delete something, and try again",
			f.share()*100, f.limit>>20),
	}}
}
