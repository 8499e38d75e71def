package main

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/apps/statefulset"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/batch/cronjob"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/kubernetes/pkg/registry/core/pod"
	"k8s.io/kubernetes/pkg/registry/core/secret"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/networking/ingress"
	"k8s.io/kubernetes/pkg/registry/networking/networkpolicy"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
)

// kind is a kind that tenants may order, as the API server's registry has it.
type kind struct {
	resource string
	strategy rest.RESTCreateStrategy
}

// kinds are those of tenants, in the versions that the server serves.
var kinds = map[schema.GroupVersionKind]kind{
	of("", "v1", "Pod"):                                {"pods", pod.Strategy},
	of("", "v1", "Service"):                            {"services", service.Strategy},
	of("", "v1", "ConfigMap"):                          {"configmaps", configmap.Strategy},
	of("", "v1", "Secret"):                             {"secrets", secret.Strategy},
	of("", "v1", "PersistentVolumeClaim"):              {"persistentvolumeclaims", persistentvolumeclaim.Strategy},
	of("", "v1", "ServiceAccount"):                     {"serviceaccounts", serviceaccount.Strategy},
	of("apps", "v1", "Deployment"):                     {"deployments", deployment.Strategy},
	of("apps", "v1", "StatefulSet"):                    {"statefulsets", statefulset.Strategy},
	of("apps", "v1", "DaemonSet"):                      {"daemonsets", daemonset.Strategy},
	of("batch", "v1", "Job"):                           {"jobs", job.Strategy},
	of("batch", "v1", "CronJob"):                       {"cronjobs", cronjob.Strategy},
	of("networking.k8s.io", "v1", "Ingress"):           {"ingresses", ingress.Strategy},
	of("networking.k8s.io", "v1", "NetworkPolicy"):     {"networkpolicies", networkpolicy.Strategy},
	of("autoscaling", "v1", "HorizontalPodAutoscaler"): {"horizontalpodautoscalers", horizontalpodautoscaler.Strategy},
	of("autoscaling", "v2", "HorizontalPodAutoscaler"): {"horizontalpodautoscalers", horizontalpodautoscaler.Strategy},
	of("policy", "v1", "PodDisruptionBudget"):          {"poddisruptionbudgets", poddisruptionbudget.Strategy},
}

func of(group, version, name string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: version, Kind: name}
}

// instead is what to do about kinds that people often have beside those of tenants.
var instead = map[string]string{
	"Namespace":                "leave it out; daas namespace claim makes a further one yours",
	"Role":                     "leave it out; pods have no rights in the cluster, and daas role grant gives people some",
	"RoleBinding":              "leave it out; pods have no rights in the cluster, and daas role grant gives people some",
	"ClusterRole":              "leave it out; pods have no rights in the cluster",
	"ClusterRoleBinding":       "leave it out; pods have no rights in the cluster",
	"CustomResourceDefinition": "the cluster has Kubernetes's own kinds only",
	"Kustomization":            "build it first: kubectl kustomize FOLDER | daas check -f -",
	"ReplicaSet":               "write a Deployment, which makes it",
	"ReplicationController":    "write a Deployment",
}

// findKind says which kind an object is of, or why it cannot be ordered.
func findKind(apiVersion, name string) (schema.GroupVersionKind, kind, error) {
	if apiVersion == "" || name == "" {
		return schema.GroupVersionKind{}, kind{}, fmt.Errorf("it is not an object of Kubernetes: apiVersion or kind is missing")
	}
	gvk := schema.FromAPIVersionAndKind(apiVersion, name)
	if found, ok := kinds[gvk]; ok {
		return gvk, found, nil
	}
	var served, names []string
	for other := range kinds {
		names = append(names, other.Kind)
		if strings.EqualFold(other.Kind, name) {
			served = append(served, fmt.Sprintf("apiVersion: %s, kind: %s", other.GroupVersion(), other.Kind))
		}
	}
	if len(served) > 0 {
		slices.Sort(served)
		return gvk, kind{}, fmt.Errorf("%s of %s is not served here: write %s", name, apiVersion, strings.Join(served, " or "))
	}
	if hint := instead[name]; hint != "" {
		return gvk, kind{}, fmt.Errorf("%s of %s cannot be ordered here: %s", name, apiVersion, hint)
	}
	slices.Sort(names)
	return gvk, kind{}, fmt.Errorf("%s of %s cannot be ordered here; what can: %s", name, apiVersion, strings.Join(slices.Compact(names), ", "))
}

// equivalents knows in which versions one resource is served, as the API server does.
var equivalents = func() runtime.EquivalentResourceMapper {
	registry := runtime.NewEquivalentResourceRegistry()
	for gvk, k := range kinds {
		registry.RegisterKindFor(gvk.GroupVersion().WithResource(k.resource), "", gvk)
	}
	return registry
}()

var scheme = legacyscheme.Scheme
