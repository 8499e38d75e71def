package agent

import (
	"context"
	_ "embed"

	"daasvader/k3s/wire"
)

//go:embed kubelet.yaml
var kubeletTemplate string

// runKubelet runs the kubelet, which gets itself a client certificate for the bootstrap token, then a serving
// certificate, and renews both.
func runKubelet(ctx context.Context, o *Options, config *wire.ClusterConfig) error {
	file := o.path("etc", "kubelet.yaml")
	err := writeTemplate(file, kubeletTemplate, map[string]any{
		"ClientCA":   o.path("pki", "client-ca.crt"),
		"ClusterDNS": config.ClusterDNS,
		"Containerd": o.containerdSocket(),
	})
	if err != nil {
		return err
	}
	return runSelf(ctx, "kubelet",
		"--bootstrap-kubeconfig="+o.path("bootstrap.kubeconfig"),
		"--cert-dir="+o.path("pki"),
		"--config="+file,
		"--hostname-override="+o.NodeName,
		"--kubeconfig="+o.nodeKubeconfig(),
		"--node-ip="+o.NodeIP,
		"--root-dir="+o.path("kubelet"),
	)
}
