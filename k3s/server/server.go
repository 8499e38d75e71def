// Package server runs a Kubernetes control plane in one process: datastore, API server, controllers and scheduler.
package server

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/version"
	"k8s.io/klog/v2"
)

const readyPoll = 50 * time.Millisecond

// Run serves until the context ends or a component fails; either ends the others.
func Run(ctx context.Context, o *Options) error {
	started := time.Now()
	klog.InfoS("Starting k3s", "version", version.Get().GitVersion)
	net.DefaultResolver = ownResolver()
	if err := refuseHTTP2(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.path("etc"), 0o700); err != nil {
		return err
	}
	creds, err := loadOrCreateCredentials(o)
	if err != nil {
		return err
	}
	// The datastore outlives the API server, which writes while it ends.
	storeCtx, stopStore := context.WithCancel(context.WithoutCancel(ctx))
	store, err := startDatastore(storeCtx, o)
	if err != nil {
		stopStore()
		return err
	}
	defer store.wait()
	defer stopStore()

	group, ctx := errgroup.WithContext(ctx)
	front, err := newFront(o, creds, store.fill)
	if err != nil {
		return err
	}
	api, err := newAPIServer(ctx, o, creds, store.etcdURL, front)
	if err != nil {
		return err
	}
	group.Go(func() error { return ended("kube-apiserver", ctx, api.run(ctx)) })
	group.Go(func() error { return ended("questions", ctx, front.ongoing.keepAsking(ctx, front.authorizer)) })
	group.Go(func() error {
		return startControllers(ctx, group, o, creds, api, front, started)
	})
	return group.Wait()
}

// startControllers starts what needs a ready API server: started before its role hooks have run, controllers exit.
func startControllers(ctx context.Context, group *errgroup.Group, o *Options, creds *credentials, api *apiServer, front *front, started time.Time) error {
	if err := waitReady(ctx, api.loopback); err != nil {
		return err
	}
	klog.InfoS("API server is ready", "after", time.Since(started).Round(time.Millisecond))
	if err := applyObjects(ctx, api.loopback, o); err != nil {
		return err
	}
	if err := front.fence.follow(ctx, api.loopback); err != nil {
		return err
	}
	volumes, err := newVolumes(api.loopback)
	if err != nil {
		return err
	}
	group.Go(func() error { return ended("volumes", ctx, volumes.run(ctx)) })
	front.volumes.Store(volumes)
	network, err := newNetwork(api.loopback, o)
	if err != nil {
		return err
	}
	front.fence.tell(network.views.Revoke)
	group.Go(func() error { return ended("network", ctx, network.run(ctx)) })
	front.network.Store(network)
	group.Go(func() error { return ended("usage", ctx, api.usage.Run(ctx)) })
	group.Go(func() error { return ended("kube-controller-manager", ctx, runControllerManager(ctx, o, creds)) })
	group.Go(func() error { return ended("kube-scheduler", ctx, runScheduler(ctx, o, creds)) })
	if err := creds.writeAdminConfig(o); err != nil {
		return err
	}
	group.Go(func() error { return ended("certificate renewal", ctx, creds.keepFresh(ctx, o)) })
	klog.InfoS("k3s is up and running", "after", time.Since(started).Round(time.Millisecond), "url", o.localURL())
	return nil
}

func waitReady(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	return wait.PollUntilContextCancel(ctx, readyPoll, true, func(ctx context.Context) (bool, error) {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil, nil
	})
}

// ended turns the end of a component into an error unless everything is ending.
func ended(component string, ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("%s ended: %w", component, err)
}
