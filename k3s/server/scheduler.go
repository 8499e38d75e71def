package server

import (
	"context"
	_ "embed"
	"fmt"

	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"daasvader/k3s/pki"
)

//go:embed scheduler.yaml
var schedulerConfig string

func runScheduler(ctx context.Context, o *Options, c *credentials) error {
	file := o.path("etc", "scheduler.yaml")
	if err := pki.WriteFile(file, fmt.Appendf(nil, schedulerConfig, c.schedulerConfig), 0o600); err != nil {
		return err
	}
	s := options.NewOptions()
	informerName, err := cache.NewInformerName("kube-scheduler")
	if err != nil {
		return err
	}
	s.InformerName = informerName
	if err := parseFlags(*s.Flags, []string{"--config=" + file, "--secure-port=0"}); err != nil {
		return err
	}
	config, scheduler, err := app.Setup(ctx, s, app.WithPlugin(randomPlacementName, newRandomPlacement),
		app.WithPlugin(volumePlaceName, newVolumePlace))
	if err != nil {
		return err
	}
	return app.Run(ctx, config, scheduler)
}
