package agent

import "context"

// runKubeProxy runs the service proxy with the node's own credential.
func runKubeProxy(ctx context.Context, o *Options) error {
	return runSelf(ctx, "kube-proxy",
		"--conntrack-max-per-core=0", // a limit of the whole machine, not ours to set
		"--conntrack-tcp-timeout-close-wait=0s",
		"--conntrack-tcp-timeout-established=0s",
		"--detect-local-mode=NodeCIDR",
		"--healthz-bind-address=127.0.0.1:10256",
		"--hostname-override="+o.NodeName,
		"--kubeconfig="+o.nodeKubeconfig(),
		"--metrics-bind-address=127.0.0.1:10249",
		"--nodeport-addresses=primary",
		"--proxy-mode=iptables",
	)
}
