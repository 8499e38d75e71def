package server

import (
	"context"
	"fmt"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"
)

func runControllerManager(ctx context.Context, o *Options, c *credentials) error {
	s, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parseFlags(s.Flags(known, disabled, aliases), controllerManagerArguments(o, c)); err != nil {
		return err
	}
	config, err := s.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	return app.Run(ctx, config.Complete())
}

func controllerManagerArguments(o *Options, c *credentials) []string {
	return []string{
		"--allocate-node-cidrs=true",
		"--cluster-cidr=" + o.ClusterCIDR,
		// Requests are approved and signed by the enclave alone, which has no use for their bytes.
		fmt.Sprintf("--controllers=*,-%s,-%s,%s", names.CertificateSigningRequestApprovingController,
			names.CertificateSigningRequestSigningController, names.TokenCleanerController),
		"--kube-api-burst=400", // each controller asks for a token of its own: the defaults spread that over 5 s
		"--kube-api-qps=200",
		"--kubeconfig=" + c.controllerConfig,
		"--leader-elect=false",
		"--node-cidr-mask-size=24", // 254 addresses for the 110 pods of a node, so that a /16 has room for 256 nodes
		"--profiling=false",
		"--root-ca-file=" + c.server.CertFile,
		"--secure-port=0",
		"--service-account-private-key-file=" + c.serviceKey,
		"--service-cluster-ip-range=" + o.ServiceCIDR,
		"--use-service-account-credentials=true",
	}
}
