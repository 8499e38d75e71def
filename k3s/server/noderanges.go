package server

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"daasvader/k3s/wire"
)

var errNoPod = errors.New("it is in no node's range of pods, and the control plane reaches nothing else: no pod with hostNetwork, " +
	"and nothing outside the cluster")

// nodeRanges tells by a pod's address which node it is on: the one that the control plane gave the range to. What a node
// says does not count.
type nodeRanges struct {
	mu     sync.Mutex
	byNode map[string]netip.Prefix
}

func newNodeRanges() *nodeRanges {
	return &nodeRanges{byNode: map[string]netip.Prefix{}}
}

// of returns the node of a pod's address.
func (r *nodeRanges) of(address netip.Addr) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for node, pods := range r.byNode {
		if !pods.Contains(address) {
			continue
		}
		if !wire.IsForPods(address, pods) {
			return "", fmt.Errorf("it is node %s itself, and no pod", node)
		}
		return node, nil
	}
	return "", errNoPod
}

func (r *nodeRanges) set(node *corev1.Node) {
	pods, err := netip.ParsePrefix(node.Spec.PodCIDR)
	if err != nil { // it has none yet; a former one of its name may have had one
		r.remove(node.Name)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byNode[node.Name] = pods
}

func (r *nodeRanges) remove(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byNode, node)
}

// follow keeps the ranges as the nodes' objects say.
func (r *nodeRanges) follow(nodes cache.SharedIndexInformer) error {
	_, err := nodes.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { r.set(o.(*corev1.Node)) },
		UpdateFunc: func(_, o any) { r.set(o.(*corev1.Node)) },
		DeleteFunc: func(o any) {
			if name, err := cache.DeletionHandlingObjectToName(o); err == nil {
				r.remove(name.Name)
			}
		},
	})
	return err
}
