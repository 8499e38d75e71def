package main

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
)

// orderer is who the enclave carries an order out as: some user, and the group that orders alone have.
var orderer = &user.DefaultInfo{
	Name:   "sui:somebody",
	Groups: []string{"daasvader:orders", user.AllAuthenticated},
}

// rights is what a role may do, by Kubernetes's own reading of its rules.
type rights []rbacv1.PolicyRule

// Authorize answers what policies ask about who orders.
func (r rights) Authorize(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if rbac.RulesAllow(a, r...) {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionDeny, "", nil
}

// mayApply says whether objects of a resource may be made and changed.
func (r rights) mayApply(resource schema.GroupVersionResource) bool {
	for _, verb := range []string{"create", "patch"} {
		asked := authorizer.AttributesRecord{User: orderer, Verb: verb, Namespace: ownNamespace, APIGroup: resource.Group,
			APIVersion: resource.Version, Resource: resource.Resource, ResourceRequest: true}
		if !rbac.RulesAllow(asked, r...) {
			return false
		}
	}
	return true
}

// refuseRole says what a role lacks, and who has it; nil when it has it.
func (c *checker) refuseRole(resource schema.GroupVersionResource) *problem {
	if c.rights.mayApply(resource) {
		return nil
	}
	for _, other := range c.roles {
		if rights(other.Rules).mayApply(resource) {
			return &problem{Message: fmt.Sprintf("a %s may not write %s: it takes the role %s", c.role, resource.Resource, other.Role)}
		}
	}
	return &problem{Message: fmt.Sprintf("no role may write %s", resource.Resource)}
}
