package wire

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/proxy/apis"
)

// keptLabels are those by which kube-proxy and DNS tell Services and their EndpointSlices apart.
var keptLabels = []string{discoveryv1.LabelServiceName, apis.LabelServiceProxyName, corev1.IsHeadlessService}

// CutMeta leaves of a Service's or an EndpointSlice's metadata what nodes read of it.
func CutMeta(meta metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: meta.Namespace, Name: meta.Name, Labels: Only(meta.Labels, keptLabels...)}
}

// Only returns the values of some keys, nil where there are none.
func Only(values map[string]string, keys ...string) map[string]string {
	var kept map[string]string
	for _, key := range keys {
		if value, has := values[key]; has {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[key] = value
		}
	}
	return kept
}
