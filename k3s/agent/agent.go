// Package agent runs a Kubernetes node: container runtime, kubelet, the network that its pods have with others, and the
// tunnel through which the API server reaches the kubelet.
package agent

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"

	"daasvader/k3s/isolation"
)

// Run keeps the node up until the context ends or a part of it fails; either ends the other parts. Containers are
// nobody's children here: they go on, and the next Run finds them.
func Run(ctx context.Context, o *Options) error {
	started := time.Now()
	klog.InfoS("Starting k3s agent", "version", version.Get().GitVersion, "node", o.NodeName)
	if err := o.ranges.checkMachine(); err != nil {
		return err
	}
	for _, dir := range []string{o.path("pki"), o.path("etc"), o.path("containerd"), o.cniConfDir()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	if err := isolation.Close(ctx); err != nil {
		return err
	}
	volumes, err := newVolumes(o)
	if err != nil {
		return err
	}
	if err := volumes.mountAll(ctx); err != nil {
		return err
	}
	node, err := newNode(o)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ended("containerd", ctx, runContainerd(ctx, o)) })
	group.Go(func() error {
		if err := node.start(ctx, group, volumes, started); err != nil && ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

// start starts everything but containerd, each part once what it needs is there.
func (n *node) start(ctx context.Context, group *errgroup.Group, volumes *volumes, started time.Time) error {
	stop := isolation.KeepClosed(ctx)
	defer stop()
	config, err := prepareJoin(ctx, n.options)
	if err != nil {
		return err
	}
	if err := importPauseImage(ctx, n.options); err != nil {
		return err
	}
	part := func(name string, run func(context.Context) error) {
		group.Go(func() error { return ended(name, ctx, run(ctx)) })
	}
	part("kubelet", func(ctx context.Context) error { return runKubelet(ctx, n.options, config) })
	if err := n.waitJoined(ctx); err != nil {
		return err
	}
	klog.InfoS("Node has joined", "after", time.Since(started).Round(time.Millisecond))
	stop()
	part("network", func(ctx context.Context) error { return n.network.run(ctx, n.client) })
	part("network's file", n.network.keep)
	part("volumes", func(ctx context.Context) error { return volumes.keepUp(ctx, n.client) })
	part("tunnel", n.keepTunnel)
	return n.startNetwork(ctx, part, config.ClusterDNS)
}

// ended turns the end of a part into an error unless everything is ending.
func ended(part string, ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s ended: %w", part, err)
}
