package agent

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestNameserversOfTheMachineAreAskedOnLoopbackToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	text := "nameserver 127.0.0.53\nnameserver 10.0.0.53\nnameserver nonsense\nsearch example.test\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := nameservers(file)
	if err != nil || !slices.Equal(found, []string{"127.0.0.53:53", "10.0.0.53:53"}) {
		t.Errorf("found %v, error %v", found, err)
	}
}

func TestMachineWithoutResolvConfHasNoNameservers(t *testing.T) {
	if found, err := nameservers("/nonexistent/resolv.conf"); err != nil || found != nil {
		t.Errorf("found %v, error %v", found, err)
	}
}
