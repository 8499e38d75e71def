package pause

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestImageIsTheSameEveryTime(t *testing.T) {
	first, err := Image()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Image()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two images differ")
	}
}

func TestAnUnsupportedArchitectureIsRefusedByName(t *testing.T) {
	if _, err := program("mips"); err == nil || !strings.Contains(err.Error(), "mips") {
		t.Errorf("error is %v", err)
	}
}

func TestProgramSleepsAndIgnoresItsChildren(t *testing.T) {
	binary, err := program("amd64")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pause")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(path)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer process.Wait()
	defer process.Process.Kill()
	waitUntil(t, filepath.Join("/proc", strconv.Itoa(process.Process.Pid), "status"), func(status string) bool {
		return strings.Contains(status, "State:\tS") && ignores(t, status, syscall.SIGCHLD)
	})
	if err := process.Process.Signal(syscall.Signal(0)); err != nil {
		t.Error("the program ended")
	}
}

// ignores tells whether a process ignores a signal; it may have been started with others ignored.
func ignores(t *testing.T, status string, signal syscall.Signal) bool {
	t.Helper()
	_, rest, _ := strings.Cut(status, "SigIgn:\t")
	mask, err := strconv.ParseUint(strings.SplitN(rest, "\n", 2)[0], 16, 64)
	return err == nil && mask&(1<<(signal-1)) != 0
}

// waitUntil reads the file until it is as wanted.
func waitUntil(t *testing.T, name string, isWanted func(string) bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(name)
		if err == nil && isWanted(string(content)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never was as wanted: %s", name, content)
		}
	}
}
