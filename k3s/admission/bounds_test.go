package admission

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/apps"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/core"
)

// holders are all that pods come from.
func holders(template core.PodTemplateSpec) map[string]runtime.Object {
	return map[string]runtime.Object{
		"":                                &core.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec},
		"spec.template.":                  &apps.Deployment{Spec: apps.DeploymentSpec{Template: template}},
		"StatefulSet":                     &apps.StatefulSet{Spec: apps.StatefulSetSpec{Template: template}},
		"DaemonSet":                       &apps.DaemonSet{Spec: apps.DaemonSetSpec{Template: template}},
		"ReplicaSet":                      &apps.ReplicaSet{Spec: apps.ReplicaSetSpec{Template: template}},
		"Job":                             &batch.Job{Spec: batch.JobSpec{Template: template}},
		"spec.jobTemplate.spec.template.": &batch.CronJob{Spec: batch.CronJobSpec{JobTemplate: batch.JobTemplateSpec{Spec: batch.JobSpec{Template: template}}}},
	}
}

func TestPodsAndTemplatesAreBounded(t *testing.T) {
	spread := func(count int) []core.Container { // over two containers
		return []core.Container{
			{Ports: make([]core.ContainerPort, count/2), Env: make([]core.EnvVar, count/2)},
			{Ports: make([]core.ContainerPort, count-count/2), Env: make([]core.EnvVar, count-count/2)},
		}
	}
	annotated := func(bytes int) core.PodTemplateSpec {
		return core.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": strings.Repeat("x", bytes)}}}
	}
	spec := func(spec core.PodSpec) core.PodTemplateSpec { return core.PodTemplateSpec{Spec: spec} }
	for name, row := range map[string]struct {
		template core.PodTemplateSpec
		problem  string
	}{
		"most containers":  {spec(core.PodSpec{Containers: make([]core.Container, 20), InitContainers: make([]core.Container, 12)}), ""},
		"containers":       {spec(core.PodSpec{Containers: make([]core.Container, 20), InitContainers: make([]core.Container, 13)}), "spec.containers: Too many: 33"},
		"debug containers": {spec(core.PodSpec{Containers: make([]core.Container, 32), EphemeralContainers: make([]core.EphemeralContainer, 1)}), "spec.containers: Too many: 33"},
		"most volumes":     {spec(core.PodSpec{Volumes: make([]core.Volume, 64)}), ""},
		"volumes":          {spec(core.PodSpec{Volumes: make([]core.Volume, 65)}), "spec.volumes: Too many: 65"},
		"most parts":       {spec(core.PodSpec{Containers: spread(1000)}), ""},
		"ports":            {spec(core.PodSpec{Containers: spread(1001)}), "spec.containers.ports: Too many: 1001"},
		"env":              {spec(core.PodSpec{InitContainers: spread(1001)}), "spec.containers.env: Too many: 1001"},
		"most bytes":       {annotated(maxTemplateBytes - 500), ""},
		"bytes":            {annotated(maxTemplateBytes), "bytes"},
	} {
		for path, object := range holders(row.template) {
			problems := CheckBounds(object).ToAggregate()
			switch {
			case (problems != nil) != (row.problem != ""):
				t.Errorf("%s of %T: %v", name, object, problems)
			case problems != nil && strings.HasPrefix(path, "spec") && strings.HasPrefix(row.problem, "spec") && !strings.Contains(problems.Error(), path+row.problem):
				t.Errorf("%s of %T: %v", name, object, problems)
			}
		}
	}
}

func TestAllThatIsTooMuchIsToldAtOnce(t *testing.T) {
	spec := core.PodSpec{Volumes: make([]core.Volume, 65), Containers: make([]core.Container, 33)}
	if problems := CheckBounds(&core.Pod{Spec: spec}); len(problems) != 2 {
		t.Errorf("%v", problems)
	}
	if problems := CheckBounds(&apps.StatefulSet{Spec: apps.StatefulSetSpec{VolumeClaimTemplates: make([]core.PersistentVolumeClaim, 9)}}); len(problems) != 1 {
		t.Errorf("claims: %v", problems)
	}
	if problems := CheckBounds(&core.Service{}); problems != nil {
		t.Errorf("a Service: %v", problems)
	}
}

func TestWhoFieldsAManagedPodIsNotPartOfIt(t *testing.T) {
	pod := &core.Pod{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{{Manager: strings.Repeat("x", maxTemplateBytes)}}}}
	if problems := CheckBounds(pod); problems != nil || len(pod.ManagedFields) != 1 {
		t.Errorf("%v", problems)
	}
}

func TestUsersAreBoundedAndControllersAreNot(t *testing.T) {
	pod := &core.Pod{Spec: core.PodSpec{Volumes: make([]core.Volume, 65)}}
	for who, isBounded := range map[string]bool{"user": true, "order": true, "account": true, "controller": false, "enclave": false} {
		a := admission.NewAttributesRecord(pod, nil, schema.GroupVersionKind{Kind: "Pod"}, "ns", "x", schema.GroupVersionResource{Resource: "pods"}, "",
			admission.Create, nil, false, callers[who])
		if err := NewBounds().(*bounds).Admit(context.Background(), a, nil); apierrors.IsInvalid(err) != isBounded {
			t.Errorf("%s: %v", who, err)
		}
	}
}
