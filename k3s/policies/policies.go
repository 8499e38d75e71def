// Package policies says what tenants' objects must be, beyond what Kubernetes and its Pod Security ask of them.
//
// Each YAML file is one policy: rules in CEL, each written once, about one subject such as "every pod and every template
// of pods". From it come a ValidatingAdmissionPolicy and its bindings. The API server reads them as static manifests, so
// that no object can be missing or taken away; `check` evaluates the same ones without a server.
package policies

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	v1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

//go:embed *.yaml
var files embed.FS

// suffix is what names of static manifests end in.
const suffix = ".static.k8s.io"

// TenantLabel marks, with the value "true", the namespaces whose objects are judged.
const TenantLabel = "daasvader.io/managed"

// policy is what a file holds.
type policy struct {
	// Subject names what it is about, see subjects.go.
	Subject string `json:"subject"`
	// WarnOnly lets everything pass and tells the messages.
	WarnOnly  bool          `json:"warnOnly"`
	Variables []v1.Variable `json:"variables"`
	Rules     []rule        `json:"rules"`
}

// rule is what must be true.
type rule struct {
	// Each names a list of the subject; the expression is then about each `it` in it.
	Each string `json:"each"`
	// Field is the path of what is judged, below the subject's or the item's own.
	Field      string `json:"field"`
	Expression string `json:"expression"`
	// Message says what to do. It follows the whole path of each field that is not as the rule says.
	Message string `json:"message"`
}

// Load returns all policies and what puts them into force, in the order of their names. Each is bound twice, since the API
// server tells only the first reason of a refusal but every warning.
func Load() ([]*v1.ValidatingAdmissionPolicy, []*v1.ValidatingAdmissionPolicyBinding, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, nil, err
	}
	var policies []*v1.ValidatingAdmissionPolicy
	var bindings []*v1.ValidatingAdmissionPolicyBinding
	for _, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimSuffix(entry.Name(), path.Ext(entry.Name()))
		made, bound, err := read(name, content)
		if err != nil {
			return nil, nil, fmt.Errorf("read policy %s: %w", entry.Name(), err)
		}
		policies = append(policies, made)
		bindings = append(bindings, bound...)
	}
	return policies, bindings, nil
}

// Manifests returns the same as one YAML stream.
func Manifests() ([]byte, error) {
	policies, bindings, err := Load()
	if err != nil {
		return nil, err
	}
	var objects []any
	for _, policy := range policies {
		objects = append(objects, policy)
	}
	for _, binding := range bindings {
		objects = append(objects, binding)
	}
	var documents [][]byte
	for _, object := range objects {
		document, err := yaml.Marshal(object)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return bytes.Join(documents, []byte("---\n")), nil
}

func read(name string, content []byte) (*v1.ValidatingAdmissionPolicy, []*v1.ValidatingAdmissionPolicyBinding, error) {
	var p policy
	if err := yaml.UnmarshalStrict(content, &p); err != nil {
		return nil, nil, err
	}
	subject, known := subjects[p.Subject]
	if !known {
		return nil, nil, fmt.Errorf("there is no subject %q", p.Subject)
	}
	if len(p.Rules) == 0 {
		return nil, nil, errors.New("it has no rules")
	}
	made, err := subject.policy(name+suffix, p)
	if err != nil {
		return nil, nil, err
	}
	bindings := []*v1.ValidatingAdmissionPolicyBinding{bind(made.Name, "warn-"+made.Name, v1.Warn)}
	if !p.WarnOnly {
		bindings = append(bindings, bind(made.Name, made.Name, v1.Deny))
	}
	return made, bindings, nil
}

func bind(policy, name string, action v1.ValidationAction) *v1.ValidatingAdmissionPolicyBinding {
	return &v1.ValidatingAdmissionPolicyBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "ValidatingAdmissionPolicyBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        policy,
			ValidationActions: []v1.ValidationAction{action},
		},
	}
}

func (s subject) policy(name string, p policy) (*v1.ValidatingAdmissionPolicy, error) {
	fail, equivalent := v1.Fail, v1.Equivalent
	made := &v1.ValidatingAdmissionPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1.SchemeGroupVersion.String(), Kind: "ValidatingAdmissionPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &v1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{TenantLabel: "true"}},
				MatchPolicy:       &equivalent,
				ResourceRules:     s.resourceRules(),
			},
			MatchConditions: s.conditions(),
			Variables:       append(append(common, s.variables()...), p.Variables...),
		},
	}
	for _, rule := range p.Rules {
		validation, err := s.validation(rule, made.Spec.Variables)
		if err != nil {
			return nil, err
		}
		made.Spec.Validations = append(made.Spec.Validations, validation)
	}
	return made, nil
}

func (s subject) validation(r rule, variables []v1.Variable) (v1.Validation, error) {
	if r.Field == "" && r.Each == "" || r.Expression == "" || r.Message == "" {
		return v1.Validation{}, fmt.Errorf("a rule lacks its field, expression or message: %+v", r)
	}
	expression := strings.TrimSpace(r.Expression)
	told := ": " + r.Message
	validation := v1.Validation{Expression: expression, Message: strings.TrimPrefix(r.Field+told, ": ")}
	if r.Each != "" {
		if !slices.ContainsFunc(variables, func(v v1.Variable) bool { return v.Name == r.Each+"Paths" }) {
			return v1.Validation{}, fmt.Errorf("there is no list %q", r.Each)
		}
		items, path := "variables."+r.Each, "variables."+r.Each+"Paths[i]"
		if r.Field != "" {
			path += fmt.Sprintf(" + (%s == '' ? %q : %q)", path, r.Field, "."+r.Field)
		}
		validation.Expression = fmt.Sprintf("%s.all(i, it, %s)", items, expression)
		validation.MessageExpression = fmt.Sprintf("%s.transformList(i, it, !(%s), %s).join(', ') + %q",
			items, expression, path, told)
	} else if s.at != "" {
		validation.MessageExpression = fmt.Sprintf("variables.at + %q", "."+r.Field+told)
	}
	return validation, nil
}
