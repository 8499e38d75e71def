package policies

import (
	"strings"
	"testing"

	"k8s.io/kubernetes/pkg/apis/admissionregistration"
	convert "k8s.io/kubernetes/pkg/apis/admissionregistration/v1"
	"k8s.io/kubernetes/pkg/apis/admissionregistration/validation"
)

func TestEveryPolicyIsValid(t *testing.T) {
	policies, bindings, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	bound := map[string]int{}
	for _, binding := range bindings {
		bound[binding.Spec.PolicyName]++
	}
	for _, policy := range policies {
		var internal admissionregistration.ValidatingAdmissionPolicy
		convert.SetObjectDefaults_ValidatingAdmissionPolicy(policy)
		if err := convert.Convert_v1_ValidatingAdmissionPolicy_To_admissionregistration_ValidatingAdmissionPolicy(policy, &internal, nil); err != nil {
			t.Fatal(err)
		}
		// Names of static manifests are refused in the API, which is what they are for.
		internal.Name = strings.TrimSuffix(internal.Name, suffix)
		for _, err := range validation.ValidateValidatingAdmissionPolicy(&internal) {
			t.Errorf("%s: %v", policy.Name, err)
		}
		if bound[policy.Name] == 0 {
			t.Errorf("%s is not bound", policy.Name)
		}
	}
}

func TestWhatCannotBeReadIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"unknown subject":      "{subject: nothing, rules: []}",
		"unknown field":        "{subject: services, rule: []}",
		"unknown list":         "{subject: services, rules: [{each: them, expression: 'true', message: no}]}",
		"rule without field":   "{subject: services, rules: [{expression: 'true', message: no}]}",
		"rule without message": "{subject: services, rules: [{field: spec, expression: 'true'}]}",
		"no rule":              "{subject: services}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := read("some", []byte(content)); err == nil {
				t.Error("was read")
			}
		})
	}
}
