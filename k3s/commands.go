//go:build !serveronly

package main

// kubelet and kube-proxy are what `k3s agent` starts as processes of their own.
var commands = map[string]command{
	"server":     runServer,
	"agent":      runAgent,
	"kubectl":    runKubectl,
	"kubelet":    runKubelet,
	"kube-proxy": runKubeProxy,
}
