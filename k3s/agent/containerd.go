package agent

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/util/wait"

	"daasvader/k3s/pause"
	"daasvader/k3s/pulls"
)

//go:embed containerd.toml
var containerdTemplate string

const (
	// containerdState is volatile, as it must be: what runs does not outlive the machine's boot.
	containerdState   = "/run/k3s/containerd"
	containerdTimeout = 30 * time.Second
	socketPoll        = 20 * time.Millisecond
	// kubernetesNamespace is where, in containerd, the kubelet's images and containers are.
	kubernetesNamespace = "k8s.io"
)

// runContainerd runs the container runtime, and what it pulls images through. Each container has a shim of its own, which
// outlives it.
func runContainerd(ctx context.Context, o *Options) error {
	program, err := sibling("containerd")
	if err != nil {
		return err
	}
	restricted, err := lacksCapability(unix.CAP_SYS_RESOURCE)
	if err != nil {
		return err
	}
	mirrors := o.path("etc", "containerd", "certs.d")
	proxy, err := pulls.Listen(mirrors)
	if err != nil {
		return err
	}
	file := o.path("etc", "containerd.toml")
	err = writeTemplate(file, containerdTemplate, map[string]any{
		"Dir":              o.path("containerd"),
		"State":            containerdState,
		"Socket":           o.containerdSocket(),
		"PauseImage":       pause.Reference,
		"Registries":       mirrors,
		"RestrictOOMScore": restricted,
		"CNIBinDir":        o.CNIBinDir,
		"CNIConfDir":       o.cniConfDir(),
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return proxy.Run(ctx) })
	group.Go(func() error {
		cmd := newProcess(ctx, program, "--config", file)
		cmd.Env = proxy.Environment()
		cmd.SysProcAttr.Credential = &syscall.Credential{Groups: []uint32{pulls.Group}}
		return runProcess(cmd)
	})
	return group.Wait()
}

// importPauseImage gives containerd the image of every pod's sandbox, once it listens.
func importPauseImage(ctx context.Context, o *Options) error {
	image, err := pause.Image()
	if err != nil {
		return err
	}
	program, err := sibling("ctr")
	if err != nil {
		return err
	}
	var output []byte
	err = wait.PollUntilContextTimeout(ctx, socketPoll, containerdTimeout, true, func(ctx context.Context) (bool, error) {
		if _, err := os.Stat(o.containerdSocket()); err != nil {
			return false, nil
		}
		cmd := exec.CommandContext(ctx, program, "--address", o.containerdSocket(), "--namespace", kubernetesNamespace,
			"images", "import", "-")
		cmd.Stdin = bytes.NewReader(image)
		output, err = cmd.CombinedOutput()
		return err == nil, nil // a socket of an earlier run, which nobody listens on yet, is tried again
	})
	if err != nil {
		return fmt.Errorf("Cannot import the pause image: %w: %s", err, bytes.TrimSpace(output))
	}
	return nil
}

// sibling returns the path of a program that is installed beside this one.
func sibling(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(program); err != nil {
		return "", fmt.Errorf("Cannot find %s beside k3s: %w", name, err)
	}
	return program, nil
}

// lacksCapability says whether this process may not do what the capability allows, as in some containers and VMs.
func lacksCapability(capability int) (bool, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false, fmt.Errorf("read capabilities: %w", err)
	}
	return data[capability/32].Effective&(1<<(capability%32)) == 0, nil
}
