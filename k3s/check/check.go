package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/admission"
	genericrequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	own "daasvader/k3s/admission"
)

// ownNamespace stands for the namespace of whoever orders, where a manifest names none.
const ownNamespace = "default"

// tenantNamespace is the form of the names of tenants' namespaces.
var tenantNamespace = regexp.MustCompile(`^u-[a-z2-7]{52}(-[a-z0-9-]+)?$`)

var decoder = serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder()

// checker judges objects as if a holder of one role ordered them.
type checker struct {
	role     string
	rights   rights
	roles    []roleRules
	policies *policySet
}

func newChecker(role string, roles []roleRules) (*checker, error) {
	for _, each := range roles {
		if each.Role != role {
			continue
		}
		policies, err := loadPolicies()
		if err != nil {
			return nil, err
		}
		return &checker{role: role, rights: each.Rules, roles: roles, policies: policies}, nil
	}
	return nil, fmt.Errorf("the request has no rules of the role %q", role)
}

func (c *checker) check(files []file) verdict {
	answer := verdict{Objects: []objectVerdict{}, Unchecked: []unchecked{}}
	written := namesIn(files)
	for _, f := range files {
		for _, d := range documentsOf(f.Text) {
			judged := c.judge(&d)
			answer.Objects = append(answer.Objects, objectVerdict{
				File: f.Name, Kind: d.Kind, Name: d.name(),
				Accepted: len(judged.problems) == 0, Problems: judged.listProblems(),
			})
			for _, what := range judged.left(written) {
				answer.Unchecked = append(answer.Unchecked, unchecked{File: f.Name, Kind: d.Kind, Name: d.name(), What: what})
			}
		}
	}
	answer.Accepted = len(answer.Objects) > 0 && !slices.ContainsFunc(answer.Objects, func(o objectVerdict) bool { return !o.Accepted })
	return answer
}

// judge takes an object through what the API server does with a create, in the same order, but goes on after a complaint.
func (c *checker) judge(d *document) *judgement {
	j := &judgement{}
	if d.problem != nil {
		return j.add(*d.problem)
	}
	gvk, k, err := findKind(d.APIVersion, d.Kind)
	if err != nil {
		return j.add(problem{Path: "kind", Message: err.Error()})
	}
	resource := gvk.GroupVersion().WithResource(k.resource)
	if refused := c.refuseRole(resource); refused != nil {
		j.add(*refused)
	}
	object, err := decode(d.json, gvk)
	j.addDecoding(err)
	if object == nil {
		return j
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return j.add(problem{Message: err.Error()})
	}
	j.object = object
	j.setNamespace(accessor)
	fillAsServer(object)
	for _, bound := range own.CheckBounds(object) {
		j.add(problem{Path: bound.Field, Message: bound.ErrorBody()})
	}
	j.addFamilies(object)
	j.addInvalid(validate(object, accessor, resource, k.strategy))
	j.addSecurity(object)
	attributes := admission.NewAttributesRecord(object, nil, gvk, accessor.GetNamespace(), accessor.GetName(), resource, "",
		admission.Create, &metav1.CreateOptions{}, false, orderer)
	denied, warned := c.policies.judge(attributes, c.rights)
	for _, message := range denied {
		j.addMessage(message)
	}
	j.warnings = warned
	return j
}

// decode is strict and fills in defaults. An object that has fields too many comes with the error.
func decode(text []byte, gvk schema.GroupVersionKind) (runtime.Object, error) {
	object, _, err := decoder.Decode(text, &gvk, nil)
	if err != nil && !runtime.IsStrictDecodingError(err) {
		return nil, err
	}
	return object, err
}

// validate is what the API server's registry does with a new object.
func validate(object runtime.Object, accessor metav1.Object, resource schema.GroupVersionResource, strategy rest.RESTCreateStrategy) error {
	if accessor.GetResourceVersion() != "" {
		return errors.New("metadata.resourceVersion: must not be set on an object that is made: leave it out")
	}
	rest.FillObjectMetaSystemFields(accessor)
	if accessor.GetName() == "" && accessor.GetGenerateName() != "" {
		accessor.SetName(strategy.GenerateName(accessor.GetGenerateName()))
	}
	namespace := accessor.GetNamespace()
	ctx := genericrequest.WithNamespace(context.Background(), namespace)
	ctx = genericrequest.WithUser(ctx, orderer)
	ctx = genericrequest.WithRequestInfo(ctx, &genericrequest.RequestInfo{
		IsResourceRequest: true, Verb: "create", APIGroup: resource.Group, APIVersion: resource.Version,
		Resource: resource.Resource, Namespace: namespace, Name: accessor.GetName(),
	})
	return rest.BeforeCreate(strategy, ctx, object)
}

// judgement gathers what there is to say about one object.
type judgement struct {
	object    runtime.Object // nil when it could not be read
	namespace string         // that it names, when it is not the own one
	problems  []problem
	warnings  []string
}

func (j *judgement) add(p problem) *judgement {
	if !slices.Contains(j.problems, p) {
		j.problems = append(j.problems, p)
	}
	return j
}

func (j *judgement) listProblems() []problem {
	return append([]problem{}, j.problems...)
}

// setNamespace puts the object where an order would put it.
func (j *judgement) setNamespace(object metav1.Object) {
	switch name := object.GetNamespace(); {
	case name == "" || name == ownNamespace:
		object.SetNamespace(ownNamespace)
	case tenantNamespace.MatchString(name):
		j.namespace = name
	default:
		j.add(problem{Path: "metadata.namespace", Message: fmt.Sprintf(
			"no user has a namespace %q: leave it out for your own, or name one of daas namespace list", name)})
	}
}

func (j *judgement) addDecoding(err error) {
	if err == nil {
		return
	}
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok {
		j.add(problem{Message: err.Error()})
		return
	}
	for _, each := range strict.Errors() {
		j.add(problem{Path: quotedPath(each.Error()), Message: each.Error()})
	}
}

func (j *judgement) addInvalid(err error) {
	if err == nil {
		return
	}
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Details == nil || len(status.ErrStatus.Details.Causes) == 0 {
		j.addMessage(err.Error())
		return
	}
	for _, cause := range status.ErrStatus.Details.Causes {
		j.add(problem{Path: cause.Field, Message: cause.Message})
	}
}

// addMessage adds a complaint that may begin with the fields that it is about: `spec.replicas: at most 100`.
func (j *judgement) addMessage(message string) {
	found := atStart.FindStringSubmatch(message)
	if found == nil {
		j.add(problem{Message: message})
		return
	}
	for _, path := range strings.Split(found[1], ", ") {
		j.add(problem{Path: path, Message: found[2]})
	}
}

var (
	inQuotes = regexp.MustCompile(`"([^"]+)"`)
	atStart  = regexp.MustCompile(`^((?:spec|metadata|data|type|rules)\b[^\s:,]*(?:, [^\s:,]+)*): (.+)$`)
)

// quotedPath is the field that a decoder's complaint is about.
func quotedPath(message string) string {
	if found := inQuotes.FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return ""
}
