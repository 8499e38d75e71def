package agent

import (
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// The enclave lets an image reference pass by the registry that it reads in it; containerd and the kubelet must read the
// same one.
func TestImageReferencesNameTheRegistryThatTheEnclaveReads(t *testing.T) {
	text, err := os.ReadFile("testdata/images.json")
	if err != nil {
		t.Fatal(err)
	}
	var images []struct {
		Reference string
		Registry  string
		Accepted  bool
	}
	if err := json.Unmarshal(text, &images); err != nil {
		t.Fatal(err)
	}
	for _, image := range images {
		registry := ""
		if named, err := reference.ParseDockerRef(image.Reference); err == nil {
			registry = reference.Domain(named)
		}
		if registry != image.Registry {
			t.Errorf("%q is of registry %q, want %q", image.Reference, registry, image.Registry)
		}
		host, _, _ := strings.Cut(registry, ":")
		if image.Accepted && (!strings.Contains(host, ".") || net.ParseIP(host) != nil) {
			t.Errorf("%q is accepted, and of registry %q", image.Reference, registry)
		}
	}
}
