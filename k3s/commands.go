//go:build !serveronly

package main

// kubelet is what `k3s agent` starts as a process of its own.
var commands = map[string]command{
	"server":  runServer,
	"agent":   runAgent,
	"kubectl": runKubectl,
	"kubelet": runKubelet,
}
