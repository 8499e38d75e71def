package server

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func TestPodThatFitsNowhereIsToldWhereItsVolumesAre(t *testing.T) {
	ready := func(name string, status corev1.ConditionStatus) *corev1.Node {
		conditions := []corev1.NodeCondition{{Type: corev1.NodeReady, Status: status}}
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: conditions}}
	}
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	core := factory.Core().V1()
	for _, node := range []*corev1.Node{ready("well", corev1.ConditionTrue), ready("silent", corev1.ConditionUnknown)} {
		if err := core.Nodes().Informer().GetStore().Add(node); err != nil {
			t.Fatal(err)
		}
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns"}}
	mount := func(claim string) {
		source := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{VolumeSource: source})
	}
	for _, node := range []string{"well", "silent", "gone"} {
		claim := claimOn(node, node)
		claim.Spec.VolumeName = volumeName(claim)
		if err := core.PersistentVolumeClaims().Informer().GetStore().Add(claim); err != nil {
			t.Fatal(err)
		}
		if err := core.PersistentVolumes().Informer().GetStore().Add(volumeOn(node, node, corev1.VolumeBound)); err != nil {
			t.Fatal(err)
		}
		mount(claim.Name)
	}
	mount("missing")
	place := &volumePlace{core.PersistentVolumeClaims().Lister(), core.PersistentVolumes().Lister(), core.Nodes().Lister()}
	_, status := place.PostFilter(t.Context(), nil, pod, nil)
	want := "the volume of claim data-well is on node well, the volume of claim data-silent is on node silent, which does not answer, " +
		"the volume of claim data-gone is on node gone, which has left the cluster"
	if status.IsSuccess() || status.Message() != want {
		t.Errorf("told %q", status.Message())
	}
}
