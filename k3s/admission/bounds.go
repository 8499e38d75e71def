package admission

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/apps"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/core"
	convert "k8s.io/kubernetes/pkg/apis/core/v1"
)

// BoundsName is the plugin's name in the API server's list.
const BoundsName = "PodsAreBounded"

// What a pod, or a template of pods, may have at most. It is told before anything else looks into it: what comes after,
// policies above all, takes time for each container and each of its parts. A pod is stored as often as it has replicas.
const (
	maxContainers    = 32 // with those that begin it, and what is added to a running one
	maxVolumes       = 64
	maxPorts         = 1000 // of all containers
	maxEnv           = 1000 // of all containers
	maxClaims        = 8    // templates of claims, of a StatefulSet
	maxTemplateBytes = 64 << 10
)

// MaxUserBytes is how large an object of a user may be, in bytes as it is stored, metadata and status included.
func MaxUserBytes(resource schema.GroupResource) int {
	switch resource {
	case core.Resource("secrets"), core.Resource("configmaps"):
		return 1<<20 + 256<<10 // Kubernetes allows 1 MiB of data, and 256 KiB of annotations
	case core.Resource("pods"):
		return 2 * maxTemplateBytes // what it is, and who set which of its fields
	}
	return 256 << 10
}

// bounds is the plugin that bounds what users write; controllers make pods of templates that users wrote.
type bounds struct{ *admission.Handler }

var _ admission.MutationInterface = &bounds{}

// NewBounds makes the plugin.
func NewBounds() admission.Interface {
	return &bounds{admission.NewHandler(admission.Create, admission.Update)}
}

// Admit judges before Kubernetes validates.
func (*bounds) Admit(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if !isBounded(a.GetUserInfo()) {
		return nil
	}
	if problems := CheckBounds(a.GetObject()); len(problems) > 0 {
		return apierrors.NewInvalid(a.GetKind().GroupKind(), a.GetName(), problems)
	}
	return nil
}

// CheckBounds says what an object has too much of.
//
// object: in Kubernetes's internal version
func CheckBounds(object runtime.Object) field.ErrorList {
	var problems field.ErrorList
	if set, isSet := object.(*apps.StatefulSet); isSet {
		problems = atMost(field.NewPath("spec", "volumeClaimTemplates"), len(set.Spec.VolumeClaimTemplates), maxClaims, nil)
	}
	template, path := TemplateOf(object)
	if template == nil {
		return problems
	}
	return append(problems, checkTemplate(template, path)...)
}

// TemplateOf is the template by which an object makes pods, with the path to it; a pod is its own. It is nil for what
// makes none.
func TemplateOf(object runtime.Object) (*core.PodTemplateSpec, *field.Path) {
	path := field.NewPath("spec", "template")
	switch o := object.(type) {
	case *core.Pod:
		meta := o.ObjectMeta
		meta.ManagedFields = nil
		return &core.PodTemplateSpec{ObjectMeta: meta, Spec: o.Spec}, nil
	case *apps.Deployment:
		return &o.Spec.Template, path
	case *apps.StatefulSet:
		return &o.Spec.Template, path
	case *apps.DaemonSet:
		return &o.Spec.Template, path
	case *apps.ReplicaSet:
		return &o.Spec.Template, path
	case *batch.Job:
		return &o.Spec.Template, path
	case *batch.CronJob:
		return &o.Spec.JobTemplate.Spec.Template, field.NewPath("spec", "jobTemplate", "spec", "template")
	}
	return nil, nil
}

func checkTemplate(template *core.PodTemplateSpec, path *field.Path) field.ErrorList {
	spec, at := &template.Spec, path.Child("spec")
	ports, env := 0, 0
	count := func(container *core.Container) { ports += len(container.Ports); env += len(container.Env) }
	forContainers(spec, count)
	for i := range spec.EphemeralContainers {
		common := core.Container(spec.EphemeralContainers[i].EphemeralContainerCommon)
		count(&common)
	}
	containers := len(spec.Containers) + len(spec.InitContainers) + len(spec.EphemeralContainers)
	var problems field.ErrorList
	problems = atMost(at.Child("containers"), containers, maxContainers, problems)
	problems = atMost(at.Child("volumes"), len(spec.Volumes), maxVolumes, problems)
	problems = atMost(at.Child("containers").Child("ports"), ports, maxPorts, problems)
	problems = atMost(at.Child("containers").Child("env"), env, maxEnv, problems)
	return checkTemplateSize(template, path, problems)
}

func atMost(path *field.Path, count, most int, problems field.ErrorList) field.ErrorList {
	if count <= most {
		return problems
	}
	return append(problems, field.TooMany(path, count, most))
}

func checkTemplateSize(template *core.PodTemplateSpec, path *field.Path, problems field.ErrorList) field.ErrorList {
	stored := corev1.PodTemplateSpec{}
	if err := convert.Convert_core_PodTemplateSpec_To_v1_PodTemplateSpec(template, &stored, nil); err != nil {
		return append(problems, field.InternalError(path, err))
	}
	if size := stored.Size(); size > maxTemplateBytes {
		problems = append(problems, field.Forbidden(path, fmt.Sprintf("it has %d bytes, of %d that a pod may have", size, maxTemplateBytes)))
	}
	return problems
}
