package agent

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// isolation keeps pods of different namespaces apart: a pod talks with pods of its own namespace and with the cluster's
// DNS, and nobody else with it. An address that is not known yet may nothing.
type isolation struct {
	node    *node
	pods    cache.Store
	changed chan struct{}
	// applied are the rules that hold.
	applied string
}

// isolate returns when the rules hold for the pods that run already.
func (n *node) isolate(ctx context.Context) (*isolation, error) {
	i := &isolation{node: n, changed: make(chan struct{}, 1)}
	if err := i.watchPods(ctx); err != nil {
		return nil, err
	}
	return i, i.apply(ctx)
}

// run makes the rules follow the pods until the context ends.
func (i *isolation) run(ctx context.Context) error {
	for {
		select {
		case <-i.changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := i.apply(ctx); err != nil {
			return err
		}
	}
}

func (i *isolation) apply(ctx context.Context) error {
	rules := isolationRules(i.node.podCIDR, i.node.clusterDNS, podsByNamespace(i.pods.List()))
	if rules == i.applied {
		return nil
	}
	if err := restoreRules(ctx, rules); err != nil {
		return err
	}
	i.applied = rules
	return nil
}

// watchPods keeps a list of the node's pods, and says when it has changed.
func (i *isolation) watchPods(ctx context.Context) error {
	notify := func() {
		select {
		case i.changed <- struct{}{}:
		default: // a change is pending already
		}
	}
	factory := informers.NewSharedInformerFactoryWithOptions(i.node.client, 0, informers.WithTweakListOptions(
		func(o *metav1.ListOptions) { o.FieldSelector = "spec.nodeName=" + i.node.options.NodeName })) // it may read no others
	informer := factory.Core().V1().Pods().Informer()
	i.pods = informer.GetStore()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { notify() },
		UpdateFunc: func(_, _ any) { notify() },
		DeleteFunc: func(any) { notify() },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return context.Cause(ctx)
	}
	return nil
}

// podsByNamespace returns the addresses of the pods that live, by namespace.
func podsByNamespace(objects []any) map[string][]string {
	addresses := map[string][]string{}
	for _, object := range objects {
		pod, ok := object.(*corev1.Pod)
		if !ok || pod.Spec.HostNetwork || pod.Status.PodIP == "" ||
			pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		addresses[pod.Namespace] = append(addresses[pod.Namespace], pod.Status.PodIP)
	}
	return addresses
}

// restoreRules replaces our chains at once; a connection sees the former rules or the new ones.
func restoreRules(ctx context.Context, rules string) error {
	restore := exec.CommandContext(ctx, "iptables-restore", "--wait", "--noflush")
	restore.Stdin = bytes.NewBufferString(rules)
	if output, err := restore.CombinedOutput(); err != nil {
		return fmt.Errorf("Cannot isolate pods: iptables-restore: %w: %s", err, bytes.TrimSpace(output))
	}
	for _, chain := range []string{"FORWARD", "INPUT"} {
		if err := ensureJump(ctx, chain, chainPrefix+chain); err != nil {
			return err
		}
	}
	return nil
}

func ensureJump(ctx context.Context, from, to string) error {
	rule := []string{from, "-j", to}
	iptables := func(operation string) ([]byte, error) {
		args := append([]string{"--wait", "--table", "mangle", operation}, rule...)
		return exec.CommandContext(ctx, "iptables", args...).CombinedOutput()
	}
	if _, err := iptables("--check"); err == nil {
		return nil
	}
	if output, err := iptables("--insert"); err != nil {
		return fmt.Errorf("Cannot isolate pods: iptables: %w: %s", err, bytes.TrimSpace(output))
	}
	klog.InfoS("Pods are isolated", "chain", from)
	return nil
}
