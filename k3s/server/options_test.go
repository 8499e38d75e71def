package server

import (
	"slices"
	"strings"
	"testing"
)

func TestFlagsThatCannotWorkAreRefused(t *testing.T) {
	for _, test := range []struct{ flag, says string }{
		{"--https-listen-port=0", "not a port"},
		{"--https-listen-port=70000", "not a port"},
		{"--bind-address=localhost", "not an IP address"},
		{"--external-url=http://api.test", "not an https URL"},
		{"--service-cidr=10.43.0.0", "10.43.0.0"},
		{"--service-cidr=10.43.0.1/16", "not an IPv4 network"},
		{"--service-cidr=10.120.0.0/16", "overlap"},
		{"--cluster-cidr=10.0.0.0/11", "from /12 to /24"},
		{"--cluster-cidr=10.42.0.0/25", "from /12 to /24"},
		{"--cluster-cidr=fd00::/20", "not an IPv4 network"},
		{"--datastore-limit=1000000", "is below"},
		{"stray", "unexpected argument"},
	} {
		_, err := ParseOptions([]string{"--data-dir=" + t.TempDir(), test.flag})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: error is %v, want %q", test.flag, err, test.says)
		}
	}
}

func TestServingCertificateNamesTheExternalHost(t *testing.T) {
	o, err := ParseOptions([]string{"--external-url=https://api.test:6443", "--tls-san=192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	hosts, err := servingHosts(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"api.test", "192.0.2.1", "127.0.0.1", "10.43.0.1", "kubernetes.default.svc"} {
		if !slices.Contains(hosts, want) {
			t.Errorf("%s is not among %v", want, hosts)
		}
	}
}

func TestFixedObjectsReserveTheDNSAddress(t *testing.T) {
	objects, err := fixedObjects(&Options{ServiceCIDR: "10.43.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range objects {
		if object.GetKind() != "Service" {
			continue
		}
		spec, _ := object.Object["spec"].(map[string]any)
		if spec["clusterIP"] != "10.43.0.10" {
			t.Errorf("cluster DNS is %v", spec["clusterIP"])
		}
		return
	}
	t.Error("there is no Service")
}
