// Command k3s is a Kubernetes distribution in one binary: `k3s server` is a control plane, `k3s agent` a node.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/component-base/version"

	"daasvader/k3s/server"
)

// command runs with the arguments that follow its name and returns what it failed with.
type command func(args []string) error

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	name := os.Args[1]
	if name == "--version" {
		fmt.Println("k3s version", version.Get().GitVersion)
		return
	}
	run, ok := commands[name]
	if !ok {
		usage()
	}
	if err := run(os.Args[2:]); err != nil && !errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "k3s "+name+":", err)
		os.Exit(1)
	}
}

func usage() {
	names := slices.Sorted(maps.Keys(commands))
	fmt.Fprintf(os.Stderr, "usage: k3s %s [flags], k3s --version\n", strings.Join(names, "|"))
	os.Exit(2)
}

func runServer(args []string) error {
	options, err := server.ParseOptions(args)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	return server.Run(ctx, options)
}

// untilSignal returns a context that ends when the process is asked to.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}
