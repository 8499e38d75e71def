package main

import (
	"context"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/generic"
	"k8s.io/apiserver/pkg/admission/plugin/policy/matching"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	_ "k8s.io/kubernetes/pkg/apis/admissionregistration/install"

	"daasvader/k3s/policies"
)

// policySet is the policies that the server loads, each compiled when an object first needs it.
type policySet struct {
	policies []*boundPolicy
	compiler *environment.EnvSet
}

// boundPolicy is a policy, and whether it denies or only warns.
type boundPolicy struct {
	*admissionv1.ValidatingAdmissionPolicy
	denies   bool
	compiled validating.Validator
}

func newPolicySet(policies []*admissionv1.ValidatingAdmissionPolicy, bindings []*admissionv1.ValidatingAdmissionPolicyBinding) *policySet {
	set := &policySet{compiler: environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())}
	for _, policy := range policies {
		scheme.Default(policy)
		bound := &boundPolicy{ValidatingAdmissionPolicy: policy}
		for _, binding := range bindings {
			if binding.Spec.PolicyName != policy.Name {
				continue
			}
			for _, action := range binding.Spec.ValidationActions {
				bound.denies = bound.denies || action == admissionv1.Deny
			}
		}
		set.policies = append(set.policies, bound)
	}
	return set
}

// judge gives the messages of those policies that deny, and of those that only warn.
func (s *policySet) judge(attributes admission.Attributes, authorizer rights) (denied, warned []string) {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   attributes.GetNamespace(),
		Labels: map[string]string{policies.TenantLabel: "true", corev1.LabelMetadataName: attributes.GetNamespace()},
	}}
	known := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	_ = known.Add(namespace)
	matcher := generic.NewPolicyMatcher(matching.NewMatcher(listers.NewNamespaceLister(known), nil))
	interfaces := &admission.RuntimeObjectInterfaces{ObjectCreater: scheme, ObjectTyper: scheme, ObjectDefaulter: scheme,
		ObjectConvertor: scheme, EquivalentResourceMapper: equivalents}
	for _, policy := range s.policies {
		messages := s.complaints(policy, attributes, interfaces, matcher, namespace, authorizer)
		if policy.denies {
			denied = append(denied, messages...)
		} else {
			warned = append(warned, messages...)
		}
	}
	return denied, warned
}

func (s *policySet) complaints(policy *boundPolicy, attributes admission.Attributes, interfaces admission.ObjectInterfaces,
	matcher generic.PolicyMatcher, namespace *corev1.Namespace, authorizer rights) []string {
	accessor := validating.NewValidatingAdmissionPolicyAccessor(policy.ValidatingAdmissionPolicy)
	matches, resource, kind, err := matcher.DefinitionMatches(attributes, interfaces, accessor)
	if err != nil {
		return []string{err.Error()}
	}
	if !matches {
		return nil
	}
	versioned, err := admission.NewVersionedAttributes(attributes, kind, interfaces)
	if err != nil {
		return []string{err.Error()}
	}
	if policy.compiled == nil {
		policy.compiled = s.compile(policy.ValidatingAdmissionPolicy)
	}
	result := policy.compiled.Validate(context.Background(), resource, versioned, nil, namespace, celconfig.RuntimeCELCostBudget, authorizer)
	var messages []string
	for _, decision := range result.Decisions {
		if decision.Action == validating.ActionDeny {
			messages = append(messages, decision.Message)
		}
	}
	return messages
}

// compile makes of a policy what the admission plugin makes of it.
func (s *policySet) compile(policy *admissionv1.ValidatingAdmissionPolicy) validating.Validator {
	failure := policy.Spec.FailurePolicy
	compiler, err := cel.NewCompositedCompiler(s.compiler)
	if err != nil {
		return validating.NewValidator(nil, nil, nil, nil, failure, err)
	}
	withAuthorizer := cel.OptionalVariableDeclarations{HasAuthorizer: true}
	var variables []cel.NamedExpressionAccessor
	for _, v := range policy.Spec.Variables {
		variables = append(variables, &validating.Variable{Name: v.Name, Expression: v.Expression})
	}
	compiler.CompileAndStoreVariables(variables, withAuthorizer, environment.StoredExpressions)
	var conditions, validations []cel.ExpressionAccessor
	for _, c := range policy.Spec.MatchConditions {
		conditions = append(conditions, (*matchconditions.MatchCondition)(&c))
	}
	messages := make([]cel.ExpressionAccessor, len(policy.Spec.Validations))
	for i, v := range policy.Spec.Validations {
		validations = append(validations, &validating.ValidationCondition{Expression: v.Expression, Message: v.Message, Reason: v.Reason})
		if v.MessageExpression != "" {
			messages[i] = &validating.MessageExpressionCondition{MessageExpression: v.MessageExpression}
		}
	}
	var matcher matchconditions.Matcher
	if len(conditions) > 0 {
		matcher = matchconditions.NewMatcher(compiler.CompileCondition(conditions, withAuthorizer, environment.StoredExpressions), failure, "policy", "validate", policy.Name)
	}
	return validating.NewValidator(
		compiler.CompileCondition(validations, withAuthorizer, environment.StoredExpressions),
		matcher,
		compiler.CompileCondition(nil, withAuthorizer, environment.StoredExpressions),
		compiler.CompileCondition(messages, cel.OptionalVariableDeclarations{}, environment.StoredExpressions),
		failure, nil)
}

// loadPolicies takes the ones that are built into the server.
func loadPolicies() (*policySet, error) {
	loaded, bindings, err := policies.Load()
	if err != nil {
		return nil, err
	}
	return newPolicySet(loaded, bindings), nil
}
