package admission

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/pkg/apis/core"
)

// amounts are what a container asks for when it does not say.
type amounts struct {
	name           core.ResourceName
	request, limit resource.Quantity
	// ofPod: a pod may say it for its containers together
	ofPod bool
}

var defaults = []amounts{
	{core.ResourceCPU, resource.MustParse("50m"), resource.MustParse("500m"), true},
	{core.ResourceMemory, resource.MustParse("32Mi"), resource.MustParse("256Mi"), true},
	{core.ResourceEphemeralStorage, resource.MustParse("64Mi"), resource.MustParse("2Gi"), false},
}

// FillPod says, where a pod says nothing, what Pod Security's level "restricted" demands and what the quota counts. What
// the pod says otherwise stays: Pod Security refuses it by name. Kubernetes's own defaults must have been set before.
func FillPod(pod *core.Pod) {
	spec := &pod.Spec
	setDefault(&spec.AutomountServiceAccountToken, false)
	fillSecurity(spec)
	for _, amount := range defaults {
		fillAmounts(spec, amount)
	}
	forContainers(spec, fillContainer)
}

func fillSecurity(spec *core.PodSpec) {
	if spec.SecurityContext == nil {
		spec.SecurityContext = &core.PodSecurityContext{}
	}
	if spec.SecurityContext.SeccompProfile == nil {
		spec.SecurityContext.SeccompProfile = &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault}
	}
	// In a user namespace root is nobody, so Pod Security allows it there.
	if isOfHost := spec.HostUsers == nil || *spec.HostUsers; isOfHost {
		setDefault(&spec.SecurityContext.RunAsNonRoot, true)
	}
}

func fillContainer(container *core.Container) {
	if container.SecurityContext == nil {
		container.SecurityContext = &core.SecurityContext{}
	}
	security := container.SecurityContext
	if isPrivileged := security.Privileged != nil && *security.Privileged; !isPrivileged { // which needs escalation
		setDefault(&security.AllowPrivilegeEscalation, false)
	}
	if security.Capabilities == nil {
		security.Capabilities = &core.Capabilities{}
	}
	if drop := &security.Capabilities.Drop; !slices.Contains(*drop, "ALL") {
		*drop = append(*drop, "ALL")
	}
}

// fillAmounts fills in one resource, with the pod if the pod says something of it, or else with each container.
func fillAmounts(spec *core.PodSpec, amount amounts) {
	if amount.ofPod && spec.Resources != nil && says(*spec.Resources, amount.name) {
		fillPodLimit(spec, amount)
		return
	}
	forContainers(spec, func(container *core.Container) {
		resources := &container.Resources
		request, isRequested := resources.Requests[amount.name]
		limit, isLimited := resources.Limits[amount.name]
		if !isRequested {
			if request = amount.request; isLimited {
				request = least(request, limit)
			}
			set(&resources.Requests, amount.name, request)
		}
		if !isLimited {
			set(&resources.Limits, amount.name, most(amount.limit, request))
		}
	})
}

// fillPodLimit: the request of a pod that has a limit comes from Kubernetes.
func fillPodLimit(spec *core.PodSpec, amount amounts) {
	if _, isLimited := spec.Resources.Limits[amount.name]; isLimited {
		return
	}
	limit := most(amount.limit, spec.Resources.Requests[amount.name])
	forContainers(spec, func(container *core.Container) { limit = most(limit, container.Resources.Limits[amount.name]) })
	set(&spec.Resources.Limits, amount.name, limit)
}

func forContainers(spec *core.PodSpec, do func(*core.Container)) {
	for _, containers := range [][]core.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			do(&containers[i])
		}
	}
}

func says(resources core.ResourceRequirements, name core.ResourceName) bool {
	_, isRequested := resources.Requests[name]
	_, isLimited := resources.Limits[name]
	return isRequested || isLimited
}

func set(list *core.ResourceList, name core.ResourceName, quantity resource.Quantity) {
	if *list == nil {
		*list = core.ResourceList{}
	}
	(*list)[name] = quantity.DeepCopy()
}

func setDefault(field **bool, value bool) {
	if *field == nil {
		*field = &value
	}
}

func least(a, b resource.Quantity) resource.Quantity {
	if b.Cmp(a) < 0 {
		return b
	}
	return a
}

func most(a, b resource.Quantity) resource.Quantity {
	if b.Cmp(a) > 0 {
		return b
	}
	return a
}
