package main

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/apis/core"

	"daasvader/k3s/admission"
)

// storageClass is the default class of the cluster.
const storageClass = "local-path"

// fillAsServer sets what the API server's admission plugins and its registry fill in before they judge.
func fillAsServer(object runtime.Object) {
	switch o := object.(type) {
	case *core.Pod:
		fillPod(o)
	case *core.Service:
		if o.Spec.ClusterIP != "" && len(o.Spec.ClusterIPs) == 0 {
			o.Spec.ClusterIPs = []string{o.Spec.ClusterIP}
		}
	case *core.PersistentVolumeClaim:
		if o.Spec.StorageClassName == nil {
			class := storageClass
			o.Spec.StorageClassName = &class
		}
	}
}

func fillPod(pod *core.Pod) {
	if pod.Spec.ServiceAccountName == "" {
		pod.Spec.ServiceAccountName = "default"
		pod.Spec.DeprecatedServiceAccount = pod.Spec.ServiceAccountName
	}
	admission.FillPod(pod)
}

// addFamilies refuses what the cluster's network does not have, as the API server does when it gives a Service its address.
func (j *judgement) addFamilies(object runtime.Object) {
	service, ok := object.(*core.Service)
	if !ok || service.Spec.Type == core.ServiceTypeExternalName {
		return
	}
	spec := service.Spec
	isDual := spec.IPFamilyPolicy != nil && *spec.IPFamilyPolicy == core.IPFamilyPolicyRequireDualStack
	if isDual || slices.Contains(spec.IPFamilies, core.IPv6Protocol) {
		j.add(problem{Path: "spec.ipFamilies", Message: "the cluster has IPv4 only: leave ipFamilies and ipFamilyPolicy out"})
	}
}
