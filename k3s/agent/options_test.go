package agent

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pluginDirectory returns a folder that holds the CNI plugins which the agent looks for.
func pluginDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, plugin := range cniPlugins {
		if err := os.WriteFile(filepath.Join(dir, plugin), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func arguments(t *testing.T, changed ...string) []string {
	t.Helper()
	return slices.Concat([]string{
		"--server=https://api.test:6443", "--node-name=w1", "--node-ip=10.0.0.2", "--data-dir=" + t.TempDir(),
		"--cni-bin-dir=" + pluginDirectory(t), "--cluster-cidr=10.42.0.0/16", "--service-cidr=10.43.0.0/16",
	}, changed)
}

func TestFlagsThatCannotWorkAreRefused(t *testing.T) {
	for _, test := range []struct{ flag, says string }{
		{"--server=http://api.test", "not an https URL"},
		{"--server=", "not an https URL"},
		{"--node-name=W_1", "--node-name"},
		{"--node-name=a.b", "--node-name"},
		{"--node-ip=::1", "not an IPv4 address"},
		{"--node-ip=10.0.0", "not an IPv4 address"},
		{"--cni-bin-dir=/nonexistent", "no CNI plugins"},
		{"stray", "unexpected argument"},
	} {
		_, err := ParseOptions(arguments(t, test.flag))
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want %q", test.flag, err, test.says)
		}
	}
}

func TestMachineWithoutAProgramIsToldWhichPackageItLacks(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for _, program := range []string{"mkfs.ext4", "iptables", "ipset"} {
		if _, err := ParseOptions(arguments(t)); err == nil || !strings.Contains(err.Error(), "no "+program) {
			t.Errorf("error is %v, want one about %s", err, program)
		}
		if err := os.WriteFile(filepath.Join(dir, program), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ParseOptions(arguments(t)); err != nil {
		t.Error(err)
	}
}

func TestStateIsKeptWithinTheDataDirectory(t *testing.T) {
	o, err := ParseOptions(arguments(t, "--data-dir=/data"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{o.nodeKubeconfig(), o.nodeCertificate(), o.containerdSocket(), o.cniConfDir()} {
		if !strings.HasPrefix(path, "/data/agent/") {
			t.Errorf("%s is outside of /data/agent", path)
		}
	}
}
