// Package agent runs a Kubernetes node: container runtime, kubelet, service proxy, DNS, isolation and the tunnel
// through which the API server reaches the kubelet and the pods.
package agent

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

// Run keeps the node up until the context ends or a part of it fails; either ends the other parts. Containers are
// nobody's children here: they go on, and the next Run finds them.
func Run(ctx context.Context, o *Options) error {
	started := time.Now()
	klog.InfoS("Starting k3s agent", "version", version.Get().GitVersion, "node", o.NodeName)
	for _, dir := range []string{o.path("pki"), o.path("etc"), o.path("containerd"), o.cniConfDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := setKernelParameters(); err != nil {
		return err
	}
	if err := closePods(ctx); err != nil {
		return err
	}
	volumes, err := newVolumes(o)
	if err != nil {
		return err
	}
	if err := volumes.mountAll(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended("containerd", ctx, runContainerd(ctx, o)) })
	group.Go(func() error {
		if err := startNode(ctx, group, o, volumes, started); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

// startNode starts everything but containerd, each part once what it needs is there.
func startNode(ctx context.Context, group *errgroup.Group, o *Options, volumes *volumes, started time.Time) error {
	stop := keepClosed(ctx)
	defer stop()
	config, err := prepareJoin(ctx, o)
	if err != nil {
		return err
	}
	if err := importPauseImage(ctx, o); err != nil {
		return err
	}
	group.Go(func() error { return ended("kubelet", ctx, runKubelet(ctx, o, config)) })
	node, err := waitJoined(ctx, o, config)
	if err != nil {
		return err
	}
	klog.InfoS("Node has joined", "after", time.Since(started).Round(time.Millisecond), "podCIDR", node.podCIDR)
	stop()
	isolation, err := node.isolate(ctx)
	if err != nil {
		return err
	}
	group.Go(func() error { return ended("isolation", ctx, isolation.run(ctx)) })
	client, err := newClient(o)
	if err != nil {
		return err
	}
	group.Go(func() error { return ended("volumes", ctx, volumes.keepUp(ctx, client)) })
	group.Go(func() error { return ended("tunnel", ctx, node.keepTunnel(ctx, isolation.isOwnPod)) })
	group.Go(func() error { return ended("dns", ctx, node.serveDNS(ctx)) })
	group.Go(func() error { return ended("kube-proxy", ctx, runKubeProxy(ctx, o)) })
	return writeCNIConfig(o, node.podCIDR)
}

// setKernelParameters lets the node route between its pods.
func setKernelParameters() error {
	const forward = "/proc/sys/net/ipv4/ip_forward"
	if err := os.WriteFile(forward, []byte("1"), 0o644); err != nil {
		return fmt.Errorf("Cannot let the node forward packets: %w", err)
	}
	return nil
}

// ended turns the end of a part into an error unless everything is ending.
func ended(part string, ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s ended: %w", part, err)
}
