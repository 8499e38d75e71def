package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPoliciesAreWhatThisVersionHasAlone(t *testing.T) {
	o := &Options{DataDir: filepath.Join(t.TempDir(), `a "folder": {{.}}`)}
	directory := o.path("etc", "policies")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(directory, "former.yaml"), []byte("former"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeAdmission(o); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(directory)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != "policies.yaml" {
		t.Errorf("the folder of policies holds %v", entries)
	}
	config, err := os.ReadFile(o.path("etc", "admission.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(config), `a \"folder\": {{.}}/server/etc/policies"`) {
		t.Errorf("the folder is not named in %s", config)
	}
}
