package server

import (
	"context"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// nodeReads are the kinds that a node may read, as far as Kubernetes lets it: of most those alone that its own pods refer
// to. What it must know of other nodes, of namespaces and of Services, its view tells it.
var nodeReads = []string{
	"nodes", "pods", "configmaps", "secrets", "serviceaccounts", "persistentvolumeclaims", "persistentvolumeclaims/status",
	"persistentvolumes", "leases.coordination.k8s.io", "csinodes.storage.k8s.io", "csidrivers.storage.k8s.io",
	"volumeattachments.storage.k8s.io", "runtimeclasses.node.k8s.io", "resourceclaims.resource.k8s.io",
	"resourceslices.resource.k8s.io", "clustertrustbundles.certificates.k8s.io", "podcertificaterequests.certificates.k8s.io",
}

// signingRequests a node reads by name only: it knows the names of its own.
const signingRequests = "certificatesigningrequests.certificates.k8s.io"

// narrow refuses nodes to read anything that is not on the list, whatever roles and Kubernetes's own rules for nodes say.
type narrow struct{ authorizer.Authorizer }

func (n narrow) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if isBeyondNodes(a) {
		return authorizer.DecisionDeny, "a node does not read this", nil
	}
	return n.Authorizer.Authorize(ctx, a)
}

func (n narrow) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	if isBeyondNodes(a) {
		return authorizer.ConditionsAwareDecisionFromParts(n.Authorize(ctx, a))
	}
	return n.Authorizer.ConditionsAwareAuthorize(ctx, a)
}

func isBeyondNodes(a authorizer.Attributes) bool {
	if !a.IsResourceRequest() || !a.IsReadOnly() || !(isNode(a.GetUser()) || isJoiner(a.GetUser())) {
		return false
	}
	resource := a.GetResource()
	if a.GetSubresource() != "" {
		resource += "/" + a.GetSubresource()
	}
	kind := schema.GroupResource{Group: a.GetAPIGroup(), Resource: resource}.String()
	return !slices.Contains(nodeReads, kind) && !(kind == signingRequests && a.GetName() != "")
}

func isNode(who user.Info) bool {
	return who != nil && (strings.HasPrefix(who.GetName(), nodeUserPrefix) || slices.Contains(who.GetGroups(), user.NodesGroup))
}

// isJoiner says whether somebody is about to be a node, and may ask for nothing but its certificate.
func isJoiner(who user.Info) bool {
	return who != nil && slices.Contains(who.GetGroups(), "system:bootstrappers")
}
