package server

import (
	"context"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func runScheduler(ctx context.Context, c *credentials) error {
	s := options.NewOptions()
	informerName, err := cache.NewInformerName("kube-scheduler")
	if err != nil {
		return err
	}
	s.InformerName = informerName
	err = parseFlags(*s.Flags, []string{
		"--kubeconfig=" + c.schedulerConfig,
		"--leader-elect=false",
		"--profiling=false",
		"--secure-port=0",
	})
	if err != nil {
		return err
	}
	config, scheduler, err := app.Setup(ctx, s)
	if err != nil {
		return err
	}
	return app.Run(ctx, config, scheduler)
}
