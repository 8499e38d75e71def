package admission

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/apis/core"
)

func list(cpu, memory, disk string) core.ResourceList {
	list := core.ResourceList{}
	for name, text := range map[core.ResourceName]string{core.ResourceCPU: cpu, core.ResourceMemory: memory, core.ResourceEphemeralStorage: disk} {
		if text != "" {
			list[name] = resource.MustParse(text)
		}
	}
	return list
}

func resources(requests, limits core.ResourceList) core.ResourceRequirements {
	return core.ResourceRequirements{Requests: requests, Limits: limits}
}

func filled(spec core.PodSpec) core.PodSpec {
	pod := core.Pod{Spec: spec}
	FillPod(&pod)
	return pod.Spec
}

func TestBarePodBecomesWhatIsDemanded(t *testing.T) {
	spec := filled(core.PodSpec{Containers: make([]core.Container, 1), InitContainers: make([]core.Container, 1)})
	if *spec.AutomountServiceAccountToken || !*spec.SecurityContext.RunAsNonRoot || spec.SecurityContext.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("pod: %+v", spec.SecurityContext)
	}
	for _, container := range append(spec.Containers, spec.InitContainers...) {
		security := container.SecurityContext
		if *security.AllowPrivilegeEscalation || !equal(security.Capabilities, &core.Capabilities{Drop: []core.Capability{"ALL"}}) {
			t.Errorf("container: %+v", security)
		}
		if want := resources(list("50m", "32Mi", "64Mi"), list("500m", "256Mi", "2Gi")); !equal(container.Resources, want) {
			t.Errorf("resources: %+v", container.Resources)
		}
	}
}

func TestWhatAPodSaysStays(t *testing.T) {
	yes, no := true, false
	spec := filled(core.PodSpec{
		AutomountServiceAccountToken: &yes,
		SecurityContext: &core.PodSecurityContext{
			RunAsNonRoot: &no, SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeUnconfined},
		},
		Containers: []core.Container{
			{SecurityContext: &core.SecurityContext{
				AllowPrivilegeEscalation: &yes,
				Capabilities:             &core.Capabilities{Add: []core.Capability{"NET_BIND_SERVICE"}, Drop: []core.Capability{"KILL"}},
			}},
			{SecurityContext: &core.SecurityContext{Privileged: &yes}},
		},
	})
	if !*spec.AutomountServiceAccountToken || *spec.SecurityContext.RunAsNonRoot || spec.SecurityContext.SeccompProfile.Type != "Unconfined" {
		t.Errorf("pod: %+v", spec.SecurityContext)
	}
	first := spec.Containers[0].SecurityContext
	if want := (&core.Capabilities{Add: []core.Capability{"NET_BIND_SERVICE"}, Drop: []core.Capability{"KILL", "ALL"}}); !equal(first.Capabilities, want) || !*first.AllowPrivilegeEscalation {
		t.Errorf("container: %+v", first)
	}
	if spec.Containers[1].SecurityContext.AllowPrivilegeEscalation != nil {
		t.Error("a privileged container is made one that Kubernetes finds contradictory")
	}
}

func TestRootMayBeInAUserNamespace(t *testing.T) {
	yes, no := true, false
	for name, row := range map[string]struct {
		hostUsers *bool
		demanded  bool
	}{"unsaid": {nil, true}, "the host's": {&yes, true}, "its own": {&no, false}} {
		if spec := filled(core.PodSpec{HostUsers: row.hostUsers}); (spec.SecurityContext.RunAsNonRoot != nil) != row.demanded {
			t.Errorf("%s: %+v", name, spec.SecurityContext)
		}
	}
}

func TestAmountsAreFilledInAroundWhatIsSaid(t *testing.T) {
	for name, row := range map[string]struct{ is, want core.ResourceRequirements }{
		"a request above the usual limit": {
			resources(list("2", "1Gi", "5Gi"), nil), resources(list("2", "1Gi", "5Gi"), list("2", "1Gi", "5Gi"))},
		"a limit below the usual request": {
			resources(nil, list("10m", "16Mi", "1Mi")), resources(list("10m", "16Mi", "1Mi"), list("10m", "16Mi", "1Mi"))},
		"a limit": {
			resources(nil, list("", "512Mi", "")), resources(list("50m", "32Mi", "64Mi"), list("500m", "512Mi", "2Gi"))},
		"both": {
			resources(list("1", "1Gi", "1Gi"), list("4", "4Gi", "4Gi")), resources(list("1", "1Gi", "1Gi"), list("4", "4Gi", "4Gi"))},
	} {
		if got := filled(core.PodSpec{Containers: []core.Container{{Resources: row.is}}}).Containers[0].Resources; !equal(got, row.want) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPodLevelResourcesAreRespected(t *testing.T) {
	pod := resources(list("1", "", ""), nil)
	greedy := core.Container{Resources: resources(nil, list("3", "", ""))}
	for name, row := range map[string]struct {
		container     core.Container
		pod, want     core.ResourceRequirements
		wantContainer core.ResourceRequirements
	}{
		"a request": {core.Container{}, pod, resources(list("1", "", ""), list("1", "", "")), resources(list("", "32Mi", "64Mi"), list("", "256Mi", "2Gi"))},
		"a small request": {core.Container{}, resources(list("", "1Mi", ""), nil), resources(list("", "1Mi", ""), list("", "256Mi", "")),
			resources(list("50m", "", "64Mi"), list("500m", "", "2Gi"))},
		"a limit":                    {core.Container{}, resources(nil, list("2", "2Gi", "")), resources(nil, list("2", "2Gi", "")), resources(list("", "", "64Mi"), list("", "", "2Gi"))},
		"a container that says more": {greedy, pod, resources(list("1", "", ""), list("3", "", "")), resources(list("", "32Mi", "64Mi"), list("3", "256Mi", "2Gi"))},
	} {
		spec := filled(core.PodSpec{Resources: row.pod.DeepCopy(), Containers: []core.Container{*row.container.DeepCopy()}})
		if !equal(*spec.Resources, row.want) || !equal(spec.Containers[0].Resources, row.wantContainer) {
			t.Errorf("%s: pod %v, container %v", name, *spec.Resources, spec.Containers[0].Resources)
		}
	}
}

func TestPodsOfTenantsAreFilledIn(t *testing.T) {
	named := func(name, tenant string) *corev1.Namespace {
		return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{tenantLabel: tenant}}}
	}
	plugin := NewTenantPods().(*tenantPods)
	listed := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	add(t, listed.Core().V1().Namespaces().Informer().GetStore().Add(named("known", "true")))
	add(t, listed.Core().V1().Namespaces().Informer().GetStore().Add(named("kube-system", "")))
	plugin.SetExternalKubeInformerFactory(listed)
	plugin.SetExternalKubeClientSet(fake.NewClientset(named("new", "true"), named("kube-system", "")))
	plugin.SetReadyFunc(func() bool { return true })
	add(t, plugin.ValidateInitialization())
	for namespace, isTenants := range map[string]bool{"known": true, "new": true, "kube-system": false, "nowhere": false} {
		for _, who := range []string{"order", "user", "controller", "enclave"} {
			pod := &core.Pod{}
			a := admission.NewAttributesRecord(pod, nil, schema.GroupVersionKind{}, namespace, "x", schema.GroupVersionResource{Resource: "pods"}, "",
				admission.Create, nil, false, callers[who])
			add(t, plugin.Admit(context.Background(), a, nil))
			if (pod.Spec.SecurityContext != nil) != isTenants {
				t.Errorf("%s's pod in %s: %+v", who, namespace, pod.Spec)
			}
		}
	}
}
