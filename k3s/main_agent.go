//go:build !serveronly

package main

import (
	"context"
	"os"

	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	"daasvader/k3s/agent"
)

func runAgent(args []string) error {
	options, err := agent.ParseOptions(args)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	return agent.Run(ctx, options)
}

func runKubectl(args []string) error {
	os.Args = append([]string{"kubectl"}, args...) // kubectl reads them itself, to find plugins
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err) // prints the error the way kubectl does, and exits
	}
	return nil
}

func runKubelet(args []string) error {
	command := kubelet.NewKubeletCommand(context.Background())
	command.SetArgs(args)
	return command.Execute()
}
