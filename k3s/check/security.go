package main

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/apis/core"
	conversion "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"daasvader/k3s/admission"
)

// restricted is the level that the server enforces in tenants' namespaces.
var restricted = api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}

// podOf is the pod that an object is, or makes, as it would come to be, with the path to it; nil for what makes none.
func podOf(object runtime.Object) (*core.Pod, string) {
	if pod, ok := object.(*core.Pod); ok {
		return pod, "spec"
	}
	template, path := admission.TemplateOf(object)
	if template == nil {
		return nil, ""
	}
	pod := &core.Pod{ObjectMeta: *template.ObjectMeta.DeepCopy(), Spec: *template.Spec.DeepCopy()}
	fillPod(pod)
	return pod, path.String()
}

// addSecurity judges pods by Pod Security, which the server asks only once a controller makes them.
func (j *judgement) addSecurity(object runtime.Object) {
	pod, path := podOf(object)
	if pod == nil {
		return
	}
	var versioned corev1.Pod
	if err := conversion.Convert_core_Pod_To_v1_Pod(pod, &versioned, nil); err != nil {
		j.add(problem{Path: path, Message: err.Error()})
		return
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		j.add(problem{Path: path, Message: err.Error()})
		return
	}
	for _, result := range evaluator.EvaluatePod(restricted, &versioned.ObjectMeta, &versioned.Spec) {
		if !result.Allowed {
			j.add(problem{Path: path, Message: fmt.Sprintf("violates PodSecurity %q: %s (%s)", restricted, result.ForbiddenReason, result.ForbiddenDetail)})
		}
	}
}
