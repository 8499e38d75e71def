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

// runProcess runs a program until it ends, or ends it with the context. Should this process be killed, the kernel kills
// the program too: the next agent must not find a second kubelet beside its own.
func runProcess(ctx context.Context, program string, args ...string) error {
	runtime.LockOSThread() // the parent's death is, to the kernel, that of the thread which started the program
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
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
	return runProcess(ctx, self, args...)
}
