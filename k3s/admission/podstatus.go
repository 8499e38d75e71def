package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"

	"daasvader/k3s/wire"
)

// checkPodStatus keeps a pod's addresses within the node's own range, where no other pod and no Service is.
func (n *nodes) checkPodStatus(w write) error {
	pod, old, err := objects[core.Pod](w)
	if err != nil {
		return err
	}
	if !equal(pod.Labels, old.Labels) || !equal(pod.Annotations, old.Annotations) || !equal(pod.Finalizers, old.Finalizers) {
		return errors.New("a node changes a pod's status only, not its metadata")
	}
	is, was := &pod.Status, &old.Status
	if equal(is.PodIPs, was.PodIPs) && equal(is.HostIPs, was.HostIPs) && is.HostIP == was.HostIP {
		return nil
	}
	node, err := n.nodes.Get(w.node)
	if err != nil {
		return fmt.Errorf("the node's addresses are not known: %w", err)
	}
	return checkPodAddresses(pod, node)
}

func checkPodAddresses(pod *core.Pod, node *corev1.Node) error {
	for _, ip := range pod.Status.PodIPs {
		if !isForPods(ip.IP, node.Spec.PodCIDR) && !(pod.Spec.HostNetwork && isAddressOf(ip.IP, node)) {
			return fmt.Errorf("pod address %q is not within the node's range %q", ip.IP, node.Spec.PodCIDR)
		}
	}
	if ip := pod.Status.HostIP; ip != "" && !isAddressOf(ip, node) {
		return fmt.Errorf("host address %q is none of the node's", ip)
	}
	for _, ip := range pod.Status.HostIPs {
		if !isAddressOf(ip.IP, node) {
			return fmt.Errorf("host address %q is none of the node's", ip.IP)
		}
	}
	return nil
}

func isForPods(address, cidr string) bool {
	ip, notAddress := netip.ParseAddr(address)
	pods, notRange := netip.ParsePrefix(cidr)
	return notAddress == nil && notRange == nil && wire.IsForPods(ip, pods)
}

func isAddressOf(address string, node *corev1.Node) bool {
	return slices.Contains(node.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address})
}
