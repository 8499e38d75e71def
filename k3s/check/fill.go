package main

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kubernetes/pkg/apis/core"
)

// storageClass is the default class of the cluster.
const storageClass = "local-path"

// fillAsServer sets what the API server's admission plugins and its registry fill in before they judge.
func fillAsServer(object runtime.Object) {
	switch o := object.(type) {
	case *core.Pod:
		fillPod(o)
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
	}
}
