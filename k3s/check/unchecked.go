package main

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/sets"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	"k8s.io/kubernetes/pkg/apis/core"
)

// namesIn are the objects that the files hold, as kind/name: who refers to one of them refers to something.
func namesIn(files map[string][]document) sets.Set[string] {
	names := sets.New[string]()
	for _, documents := range files {
		for _, d := range documents {
			names.Insert(d.Kind + "/" + d.Metadata.Name)
		}
	}
	return names
}

// left says what only a live server can judge of the object.
func (j *judgement) left(written sets.Set[string]) []string {
	if j.object == nil {
		return nil
	}
	what := append([]string{}, j.warnings...)
	what = append(what, "whether the quota has room, and whether an object of this name is there that cannot become this one")
	if pod, _ := podOf(j.object); pod != nil {
		what = append(what, "whether its images can be pulled, and run as somebody other than root (else: runAsUser, or hostUsers: false)")
	}
	if j.namespace != "" {
		what = append(what, fmt.Sprintf("whether you may write in the namespace %s", j.namespace))
	}
	if s, ok := j.object.(*core.Service); ok && s.Spec.ClusterIP != "" && s.Spec.ClusterIP != core.ClusterIPNone {
		what = append(what, fmt.Sprintf("whether the address %s is free", s.Spec.ClusterIP))
	}
	for _, name := range sets.List(referencesOf(j).Difference(written)) {
		what = append(what, fmt.Sprintf("whether %s is there", name))
	}
	return what
}

// referencesOf are the objects, as kind/name, that an object does not work without.
func referencesOf(j *judgement) sets.Set[string] {
	names := sets.New[string]()
	if h, ok := j.object.(*autoscaling.HorizontalPodAutoscaler); ok {
		names.Insert(h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name)
	}
	pod, _ := podOf(j.object)
	if pod == nil {
		return names
	}
	podutil.VisitPodSecretNames(pod, func(name string) bool { names.Insert("Secret/" + name); return true }, podutil.AllContainers)
	podutil.VisitPodConfigmapNames(pod, func(name string) bool { names.Insert("ConfigMap/" + name); return true }, podutil.AllContainers)
	for _, volume := range pod.Spec.Volumes {
		if claim := volume.PersistentVolumeClaim; claim != nil {
			names.Insert("PersistentVolumeClaim/" + claim.ClaimName)
		}
	}
	if class := pod.Spec.PriorityClassName; class != "" {
		names.Insert("PriorityClass/" + class)
	}
	if account := pod.Spec.ServiceAccountName; account != "default" {
		names.Insert("ServiceAccount/" + account)
	}
	return names
}
