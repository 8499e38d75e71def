package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
)

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
	if !equal(spec, old.Spec) {
		return errors.New("ranges, taints, provider and schedulability of a node are not its own to set")
	}
	if !equal(node.Finalizers, old.Finalizers) || !equal(node.OwnerReferences, old.OwnerReferences) {
		return errors.New("finalizers and owners of a node are not its own to set")
	}
	if key := changedBeyond(ownLabels(w.node), node.Labels, old.Labels); key != "" {
		return fmt.Errorf("label %s of a node is not its own to set", key)
	}
	if key := changedBeyond(ownAnnotations, node.Annotations, old.Annotations); key != "" {
		return fmt.Errorf("annotation %s of a node is not its own to set", key)
	}
	if err := checkResources(&node.Status, old.Status.Capacity); err != nil {
		return err
	}
	return n.checkAddresses(w.node, node.Status.Addresses)
}

// changedBeyond returns a key whose value is neither as it was nor as a node may say it, "" if there is none.
func changedBeyond(own, now, before map[string]string) string {
	for key, value := range now {
		was, had := before[key]
		says, may := own[key]
		if !(had && was == value) && !(may && says == value) {
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

// checkResources lets a node offer no kind of resource that it did not get from somebody else, nor more of it.
func checkResources(status *core.NodeStatus, had core.ResourceList) error {
	for _, resources := range []core.ResourceList{status.Capacity, status.Allocatable} {
		for name, quantity := range resources {
			if most, given := had[name]; !isOrdinary(name) && !(given && quantity.Cmp(most) <= 0) {
				return fmt.Errorf("resource %s of a node is not its own to set", name)
			}
		}
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

func (n *nodes) checkAddresses(node string, addresses []core.NodeAddress) error {
	seen := map[core.NodeAddressType]bool{}
	for _, address := range addresses {
		if seen[address.Type] || !n.isPlausible(node, address) {
			return fmt.Errorf("%s address %q is none of the node's", address.Type, address.Address)
		}
		seen[address.Type] = true
	}
	return nil
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
