package admission

import (
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/apis/coordination"
	"k8s.io/kubernetes/pkg/apis/storage"
)

// migratedPlugins is what a kubelet notes on its CSINode, though none of the volumes meant there exist here.
const migratedPlugins = "storage.alpha.kubernetes.io/migrated-plugins"

func checkLease(_ *nodes, w write) error {
	lease, _, err := objects[coordination.Lease](w)
	if err != nil {
		return err
	}
	return checkMetadata(w.node, &lease.ObjectMeta, nil)
}

func checkCSINode(_ *nodes, w write) error {
	csi, _, err := objects[storage.CSINode](w)
	if err != nil {
		return err
	}
	if len(csi.Spec.Drivers) > 0 {
		return errors.New("there are no storage drivers here")
	}
	return checkMetadata(w.node, &csi.ObjectMeta, []string{migratedPlugins})
}

// checkMetadata lets an object be of the node that made it, and nothing more.
func checkMetadata(node string, meta *metav1.ObjectMeta, annotations []string) error {
	isOther := func(o metav1.OwnerReference) bool {
		return o.APIVersion != "v1" || o.Kind != "Node" || o.Name != node || o.Controller != nil || o.BlockOwnerDeletion != nil
	}
	if len(meta.Labels) > 0 || len(meta.Finalizers) > 0 || len(meta.OwnerReferences) > 1 || slices.ContainsFunc(meta.OwnerReferences, isOther) {
		return errors.New("what a node writes has no labels, no finalizers and no owner but the node")
	}
	for key := range meta.Annotations {
		if !slices.Contains(annotations, key) {
			return fmt.Errorf("annotation %s is none that a node writes", key)
		}
	}
	return nil
}
