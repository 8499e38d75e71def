package agent

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	// isolationCheck is how often the rules in the kernel are compared with what they must be.
	isolationCheck = 3 * time.Second
	// isolationTries is how often in a row that may fail before the agent ends, so that somebody looks.
	isolationTries = 5
)

// isolation keeps pods of different namespaces apart: a pod talks with pods of its own namespace and with the cluster's
// DNS, and nobody else with it. An address that is not known yet may nothing.
type isolation struct {
	podCIDR, clusterDNS string
	pods                cache.Store
	changed             chan struct{}
	ipv4, ipv6          *mangle
	// unended says that rules were set and that what they refuse may be open still.
	unended bool
}

// closePods isolates every pod from everything, unless rules of an earlier run stand: they go on until the pods are
// known. So no pod that starts before that, as after a boot of the machine, reaches anybody.
func closePods(ctx context.Context) error {
	if hasIPv6() {
		if _, err := ipv6Mangle().hold(ctx, ipv6Rules); err != nil {
			return err
		}
	}
	ipv4 := ipv4Mangle()
	live, err := ipv4.save(ctx)
	if err != nil || ipv4.jumpsFirst(live) && isClosed(live) {
		return err
	}
	return ipv4.set(ctx, isolationRules("", nil), live)
}

// keepClosed looks after what closePods set until stop returns.
func keepClosed(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		wait.UntilWithContext(ctx, func(ctx context.Context) {
			if err := closePods(ctx); err != nil && ctx.Err() == nil {
				klog.ErrorS(err, "Pods may not be isolated")
			}
		}, isolationCheck)
	}()
	return func() { cancel(); <-ended }
}

// isClosed says whether rules of ours, whoever they let pass, drop the rest.
func isClosed(live string) bool {
	return !slices.ContainsFunc(closed, func(rule string) bool { return !strings.Contains(live, rule+"\n") })
}

// isolate returns when the rules hold for the pods that run already.
func (n *node) isolate(ctx context.Context) (*isolation, error) {
	i := &isolation{
		podCIDR: n.podCIDR, clusterDNS: n.clusterDNS, changed: make(chan struct{}, 1), ipv4: ipv4Mangle(), ipv6: ipv6Mangle(),
	}
	if err := i.watchPods(ctx, n); err != nil {
		return nil, err
	}
	return i, i.apply(ctx)
}

// run makes the rules follow the pods until the context ends, and sets them again when somebody changed them.
func (i *isolation) run(ctx context.Context) error {
	check := time.NewTicker(isolationCheck)
	defer check.Stop()
	for failures := 0; ; {
		select {
		case <-i.changed:
		case <-check.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		err := i.apply(ctx)
		if err == nil {
			failures = 0
			continue
		}
		if failures++; failures == isolationTries {
			return fmt.Errorf("Cannot keep pods isolated, tried %d times: %w", failures, err)
		}
		klog.ErrorS(err, "Pods may not be isolated", "failures", failures)
	}
}

// apply sees to it that the rules for the pods of now stand, and ends what they would have refused to begin.
func (i *isolation) apply(ctx context.Context) error {
	namespaces := podsByNamespace(i.pods.List())
	if hasIPv6() {
		if _, err := i.ipv6.hold(ctx, ipv6Rules); err != nil {
			return err
		}
	}
	set, err := i.ipv4.hold(ctx, isolationRules(i.clusterDNS, namespaces))
	i.unended = i.unended || set
	if err != nil || !i.unended {
		return err
	}
	if err := endRefusedFlows(i.podCIDR, i.clusterDNS, namespaces); err != nil {
		return err
	}
	i.unended = false
	return nil
}

// hasIPv6 says whether this kernel speaks IPv6 at all.
func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6/conf")
	return err == nil
}

// watchPods keeps a list of the node's pods, and says when it has changed.
func (i *isolation) watchPods(ctx context.Context, n *node) error {
	notify := func() {
		select {
		case i.changed <- struct{}{}:
		default: // a change is pending already
		}
	}
	factory := informers.NewSharedInformerFactoryWithOptions(n.client, 0, informers.WithTweakListOptions(
		func(o *metav1.ListOptions) { o.FieldSelector = "spec.nodeName=" + n.options.NodeName })) // it may read no others
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

// isOwnPod says whether a pod of this node that lives has the address.
func (i *isolation) isOwnPod(address netip.Addr) bool {
	for _, addresses := range podsByNamespace(i.pods.List()) {
		if slices.Contains(addresses, address.String()) {
			return true
		}
	}
	return false
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
