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
	status := waitFor(t, filepath.Join("/proc", strconv.Itoa(process.Process.Pid), "status"), "SigIgn:\t0000000000010000")
	if !strings.Contains(status, "State:\tS") {
		t.Error("the program does not sleep")
	}
	if err := process.Process.Signal(syscall.Signal(0)); err != nil {
		t.Error("the program ended")
	}
}

// waitFor reads the file until it has the text.
func waitFor(t *testing.T, name, text string) string {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		content, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(content), text) && strings.Contains(string(content), "State:\tS") {
			return string(content)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never had %q: %s", name, text, content)
		}
	}
}
