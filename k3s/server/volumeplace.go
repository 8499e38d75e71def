package server

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	listers "k8s.io/client-go/listers/core/v1"
	framework "k8s.io/kube-scheduler/framework"
)

const volumePlaceName = "VolumePlace"

// volumePlace says of a pod that fits on no node where its volumes are: it must go there, and Kubernetes's own words
// name no node.
type volumePlace struct {
	claims  listers.PersistentVolumeClaimLister
	volumes listers.PersistentVolumeLister
	nodes   listers.NodeLister
}

var _ framework.PostFilterPlugin = &volumePlace{}

func newVolumePlace(_ context.Context, _ runtime.Object, handle framework.Handle) (framework.Plugin, error) {
	core := handle.SharedInformerFactory().Core().V1()
	return &volumePlace{core.PersistentVolumeClaims().Lister(), core.PersistentVolumes().Lister(), core.Nodes().Lister()}, nil
}

func (*volumePlace) Name() string { return volumePlaceName }

// PostFilter only informs: it makes no pod fit.
func (p *volumePlace) PostFilter(_ context.Context, _ framework.CycleState, pod *core.Pod, _ framework.NodeToStatusReader) (*framework.PostFilterResult, *framework.Status) {
	var reasons []string
	for _, claim := range claimsOf(pod) {
		if place := p.placeOf(pod.Namespace, claim); place != "" {
			reasons = append(reasons, fmt.Sprintf("the volume of claim %s is on %s", claim, place))
		}
	}
	return nil, framework.NewStatus(framework.Unschedulable, reasons...)
}

// claimsOf are the names of the claims that a pod mounts.
func claimsOf(pod *core.Pod) (names []string) {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim != nil {
			names = append(names, volume.PersistentVolumeClaim.ClaimName)
		}
	}
	return names
}

// placeOf is the node that holds a claim's volume, with what is wrong about it; "" when there is no volume yet.
func (p *volumePlace) placeOf(namespace, name string) string {
	claim, err := p.claims.PersistentVolumeClaims(namespace).Get(name)
	if err != nil || claim.Spec.VolumeName == "" {
		return ""
	}
	volume, err := p.volumes.Get(claim.Spec.VolumeName)
	if err != nil || nodeOfVolume(volume) == "" {
		return ""
	}
	node, err := p.nodes.Get(nodeOfVolume(volume))
	switch {
	case err != nil:
		return "node " + nodeOfVolume(volume) + ", which has left the cluster"
	case !isReady(node):
		return "node " + node.Name + ", which does not answer"
	default:
		return "node " + node.Name
	}
}

func isReady(node *core.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == core.NodeReady {
			return condition.Status == core.ConditionTrue
		}
	}
	return false
}
