package server

import (
	"context"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// allowsAll is an authorizer for whom everybody may do everything, as some role may say.
type allowsAll struct{ authorizer.Authorizer }

func (allowsAll) Authorize(context.Context, authorizer.Attributes) (authorizer.Decision, string, error) {
	return authorizer.DecisionAllow, "", nil
}

func (a allowsAll) ConditionsAwareAuthorize(ctx context.Context, attributes authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(a.Authorize(ctx, attributes))
}

func TestWhateverRolesSayANodeReadsNothingOfOthers(t *testing.T) {
	worker := &user.DefaultInfo{Name: "system:node:w1", Groups: []string{user.NodesGroup}}
	nameless := &user.DefaultInfo{Name: "w1", Groups: []string{user.NodesGroup}}
	joiner := &user.DefaultInfo{Name: "system:bootstrap:abcdef", Groups: []string{"system:bootstrappers", "system:bootstrappers:daasvader"}}
	someone := &user.DefaultInfo{Name: "sui:0x1"}
	request := func(who user.Info, verb, group, resource, name string) authorizer.Attributes {
		return authorizer.AttributesRecord{User: who, Verb: verb, APIGroup: group, Resource: resource, Name: name, ResourceRequest: true}
	}
	for _, row := range []struct {
		asked authorizer.Attributes
		want  authorizer.Decision
	}{
		{request(worker, "list", "", "services", ""), authorizer.DecisionDeny},
		{request(worker, "get", "", "services", "x"), authorizer.DecisionDeny},
		{request(worker, "watch", "", "namespaces", ""), authorizer.DecisionDeny},
		{request(worker, "get", "", "endpoints", "x"), authorizer.DecisionDeny},
		{request(worker, "list", "discovery.k8s.io", "endpointslices", ""), authorizer.DecisionDeny},
		{request(worker, "list", "networking.k8s.io", "networkpolicies", ""), authorizer.DecisionDeny},
		{request(worker, "list", "certificates.k8s.io", "certificatesigningrequests", ""), authorizer.DecisionDeny},
		{request(worker, "watch", "certificates.k8s.io", "certificatesigningrequests", "csr-1"), authorizer.DecisionAllow},
		{request(worker, "create", "certificates.k8s.io", "certificatesigningrequests", ""), authorizer.DecisionAllow},
		{request(joiner, "list", "certificates.k8s.io", "certificatesigningrequests", ""), authorizer.DecisionDeny},
		{request(joiner, "watch", "certificates.k8s.io", "certificatesigningrequests", ""), authorizer.DecisionDeny},
		{request(joiner, "watch", "certificates.k8s.io", "certificatesigningrequests", "csr-1"), authorizer.DecisionAllow},
		{request(worker, "list", "metrics.k8s.io", "pods", ""), authorizer.DecisionDeny},
		{request(worker, "list", "", "pods", ""), authorizer.DecisionAllow},
		{request(worker, "patch", "", "nodes", "w1"), authorizer.DecisionAllow},
		{request(nameless, "list", "", "services", ""), authorizer.DecisionDeny},
		{request(someone, "list", "", "services", ""), authorizer.DecisionAllow},
		{authorizer.AttributesRecord{User: worker, Verb: "get", Path: "/version"}, authorizer.DecisionAllow},
	} {
		may := narrow{allowsAll{}}
		got, _, _ := may.Authorize(t.Context(), row.asked)
		conditional := may.ConditionsAwareAuthorize(t.Context(), row.asked)
		if got != row.want || conditional.IsAllow() != (row.want == authorizer.DecisionAllow) {
			t.Errorf("%s %s %s: %v and %v, want %v", row.asked.GetUser().GetName(), row.asked.GetVerb(), row.asked.GetResource(), got, conditional, row.want)
		}
	}
}
