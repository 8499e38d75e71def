package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/apis/coordination"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/apis/storage"
)

// migratedPlugins is what a kubelet notes on its CSINode, though none of the volumes meant there exist here.
const migratedPlugins = "storage.alpha.kubernetes.io/migrated-plugins"

// notReady is the taint that Kubernetes itself puts on each new node.
var notReady = core.Taint{Key: corev1.TaintNodeNotReady, Effect: core.TaintEffectNoSchedule}

// ownLabels are those that a kubelet says of itself, with what there is to say.
func ownLabels(node string) map[string]string {
	return map[string]string{
		corev1.LabelHostname:      node,
		corev1.LabelOSStable:      "linux",
		corev1.LabelArchStable:    "amd64",
		"beta.kubernetes.io/os":   "linux",
		"beta.kubernetes.io/arch": "amd64",
	}
}

var ownAnnotations = map[string]string{"volumes.kubernetes.io/controller-managed-attach-detach": "true"}

// checkNode judges a node's own object: of itself it says its addresses, its condition and its size.
func (n *nodes) checkNode(w write) error {
	node, old, err := objects[core.Node](w)
	if err != nil {
		return err
	}
	spec := node.Spec
	if old.Name == "" {
		spec.Taints = slices.DeleteFunc(slices.Clone(spec.Taints), func(t core.Taint) bool { return t == notReady })
	}
	switch {
	case !apiequality.Semantic.DeepEqual(spec, old.Spec):
		return errors.New("ranges, taints, provider and schedulability of a node are not its own to set")
	case !apiequality.Semantic.DeepEqual(node.Finalizers, old.Finalizers), !apiequality.Semantic.DeepEqual(node.OwnerReferences, old.OwnerReferences):
		return errors.New("finalizers and owners of a node are not its own to set")
	}
	if key := changedBeyond(ownLabels(w.node), node.Labels, old.Labels); key != "" {
		return fmt.Errorf("label %s of a node is not its own to set", key)
	}
	if key := changedBeyond(ownAnnotations, node.Annotations, old.Annotations); key != "" {
		return fmt.Errorf("annotation %s of a node is not its own to set", key)
	}
	return n.checkNodeStatus(w.node, &node.Status)
}

// changedBeyond returns a key whose value is neither as it was nor as a node may say it, "" if there is none.
func changedBeyond(own, now, before map[string]string) string {
	for key, value := range now {
		if was, had := before[key]; own[key] != value && !(had && was == value) || own[key] == "" && !had {
			return key
		}
	}
	for key := range before {
		if _, has := now[key]; !has {
			return key
		}
	}
	return ""
}

func (n *nodes) checkNodeStatus(node string, status *core.NodeStatus) error {
	for _, resources := range []core.ResourceList{status.Capacity, status.Allocatable} {
		for name := range resources {
			if !isOrdinary(name) {
				return fmt.Errorf("resource %s is none that nodes offer here", name)
			}
		}
	}
	seen := map[core.NodeAddressType]bool{}
	for _, address := range status.Addresses {
		if seen[address.Type] || !n.isPlausible(node, address) {
			return fmt.Errorf("%s address %q is none of the node's", address.Type, address.Address)
		}
		seen[address.Type] = true
	}
	return nil
}

func isOrdinary(name core.ResourceName) bool {
	switch name {
	case core.ResourceCPU, core.ResourceMemory, core.ResourceEphemeralStorage, core.ResourcePods:
		return true
	}
	return strings.HasPrefix(string(name), core.ResourceHugePagesPrefix)
}

// isPlausible: the API server dials a node by its Hostname, so that must be its name; the other address is for people.
func (n *nodes) isPlausible(node string, address core.NodeAddress) bool {
	switch address.Type {
	case core.NodeHostName:
		return address.Address == node
	case core.NodeInternalIP:
		ip, err := netip.ParseAddr(address.Address)
		isTaken := func(r netip.Prefix) bool { return r.Contains(ip.Unmap()) }
		return err == nil && ip.Zone() == "" && ip.Unmap().IsGlobalUnicast() && !slices.ContainsFunc(n.ranges, isTaken)
	default:
		return false
	}
}

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
