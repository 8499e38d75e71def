package server

import (
	"context"
	"fmt"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"
)

func runControllerManager(ctx context.Context, c *credentials) error {
	s, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parseFlags(s.Flags(known, disabled, aliases), controllerManagerArguments(c)); err != nil {
		return err
	}
	config, err := s.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}

func controllerManagerArguments(c *credentials) []string {
	return []string{
		"--allocate-node-cidrs=false", // rangeKeeper gives them
		// Requests are approved and signed by the enclave alone, which has no use for their bytes.
		fmt.Sprintf("--controllers=*,-%s,-%s,-%s,%s", names.CertificateSigningRequestApprovingController,
			names.CertificateSigningRequestSigningController, names.NodeIpamController, names.TokenCleanerController),
		"--kube-api-burst=400", // each controller asks for a token of its own: the defaults spread that over 5 s
		"--kube-api-qps=200",
		"--kubeconfig=" + c.controllerConfig,
		"--leader-elect=false",
		"--profiling=false",
		"--root-ca-file=" + c.server.CertFile,
		"--secure-port=0",
		"--service-account-private-key-file=" + c.serviceKey,
		"--use-service-account-credentials=true",
	}
}
