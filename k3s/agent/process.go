package agent

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopGrace is how long a process may take to end before it is killed.
const stopGrace = 10 * time.Second

// errExited says that a process ended by itself and without complaint, which none should.
var errExited = errors.New("exit code 0")

// newProcess prepares a program that ends with the context. Should this process be killed, the kernel kills the program
// too: the next agent must not find a second kubelet beside its own.
func newProcess(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	return cmd
}

// runProcess runs a program until it ends.
func runProcess(cmd *exec.Cmd) error {
	runtime.LockOSThread() // the parent's death is, to the kernel, that of the thread which started the program
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); err != nil {
		return err
	}
	return errExited
}

// runSelf runs another subcommand of this program.
func runSelf(ctx context.Context, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return runProcess(newProcess(ctx, self, args...))
}
