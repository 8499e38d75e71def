package agent

import (
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

func options(t *testing.T) *Options {
	t.Helper()
	o, err := ParseOptions(arguments(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(o.path(), 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}

func writeKubeconfig(t *testing.T, file, server, ca string) {
	t.Helper()
	err := clientcmd.WriteToFile(api.Config{
		Clusters:       map[string]*api.Cluster{"c": {Server: server, CertificateAuthorityData: []byte(ca)}},
		AuthInfos:      map[string]*api.AuthInfo{"u": {Token: "abcdef.0123456789abcdef"}},
		Contexts:       map[string]*api.Context{"x": {Cluster: "c", AuthInfo: "u"}},
		CurrentContext: "x",
	}, file)
	if err != nil {
		t.Fatal(err)
	}
}

func TestJoiningWithoutAnyCredentialIsRefused(t *testing.T) {
	if _, err := adoptCredentials(options(t)); err == nil || !strings.Contains(err.Error(), "bootstrap-kubeconfig") {
		t.Errorf("error is %v", err)
	}
}

func TestBootstrapCredentialIsPointedAtTheGivenServer(t *testing.T) {
	o := options(t)
	o.BootstrapKubeconfig = o.path("given")
	writeKubeconfig(t, o.BootstrapKubeconfig, "https://elsewhere.test", "ca")
	ca, err := adoptCredentials(o)
	if err != nil || string(ca) != "ca" {
		t.Fatalf("ca %q, error %v", ca, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.path("bootstrap.kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != o.Server || config.BearerToken == "" {
		t.Errorf("host %s, token %q", config.Host, config.BearerToken)
	}
}

func TestNodeCredentialOfAnEarlierJoinSuffices(t *testing.T) {
	o := options(t)
	writeKubeconfig(t, o.nodeKubeconfig(), "https://former.test", "ca")
	if ca, err := adoptCredentials(o); err != nil || string(ca) != "ca" {
		t.Fatalf("ca %q, error %v", ca, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", o.nodeKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != o.Server {
		t.Errorf("host is %s, want %s", config.Host, o.Server)
	}
}

func TestKubeconfigWithoutAuthorityIsRefused(t *testing.T) {
	o := options(t)
	o.BootstrapKubeconfig = o.path("given")
	writeKubeconfig(t, o.BootstrapKubeconfig, "https://api.test", "")
	if _, err := adoptCredentials(o); err == nil || !strings.Contains(err.Error(), "certificate-authority-data") {
		t.Errorf("error is %v", err)
	}
}
