package pki

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func authority(t *testing.T, dir, name string) *Authority {
	t.Helper()
	a, err := LoadOrCreateAuthority(filepath.Join(dir, name), name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *Authority, prefix string, leaf Leaf) *x509.Certificate {
	t.Helper()
	file, _, err := a.Issue(prefix, leaf)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := readCertificate(file)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestAuthorityIsReusedAfterARestart(t *testing.T) {
	dir := t.TempDir()
	first, second := authority(t, dir, "server-ca"), authority(t, dir, "server-ca")
	if !first.cert.Equal(second.cert) {
		t.Error("a second load made another authority")
	}
}

func TestPrivateKeysAreReadableByTheirOwnerOnly(t *testing.T) {
	a := authority(t, t.TempDir(), "server-ca")
	info, err := os.Stat(a.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
}

func TestServerCertificateIsValidForItsHostsAndNotForClients(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, dir, "server-ca")
	cert := issue(t, a, filepath.Join(dir, "serving"), Leaf{CommonName: "api", Hosts: []string{"api.test", "10.0.0.1"}})
	for _, host := range []string{"api.test", "10.0.0.1"} {
		if err := cert.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots}); err != nil {
		t.Error(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
		t.Error("a server certificate passed as a client's")
	}
}

func TestCertificateIsReusedUntilItsHostsChange(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, dir, "server-ca")
	prefix := filepath.Join(dir, "serving")
	first := issue(t, a, prefix, Leaf{CommonName: "api", Hosts: []string{"a.test"}})
	if again := issue(t, a, prefix, Leaf{CommonName: "api", Hosts: []string{"a.test"}}); !again.Equal(first) {
		t.Error("an unchanged certificate was signed again")
	}
	if other := issue(t, a, prefix, Leaf{CommonName: "api", Hosts: []string{"b.test"}}); other.Equal(first) {
		t.Error("a changed host kept the old certificate")
	}
}

func TestCertificateOfAnotherAuthorityIsReplaced(t *testing.T) {
	dir := t.TempDir()
	prefix := filepath.Join(dir, "client")
	leaf := Leaf{CommonName: "admin", Organizations: []string{"system:masters"}}
	first := issue(t, authority(t, dir, "client-ca"), prefix, leaf)
	if second := issue(t, authority(t, dir, "other-ca"), prefix, leaf); second.Equal(first) {
		t.Error("the certificate of another authority was kept")
	}
}

func TestCertificateIsSignedAnewInTheSecondHalfOfItsLife(t *testing.T) {
	dir := t.TempDir()
	a := authority(t, dir, "client-ca")
	prefix, leaf := filepath.Join(dir, "client"), Leaf{CommonName: "admin"}
	for _, left := range []time.Duration{leafLifetime/2 + time.Hour, leafLifetime/2 - time.Hour} {
		template := leaf.template()
		template.NotAfter = time.Now().Add(left)
		if err := a.sign(prefix+".crt", prefix+".key", template); err != nil {
			t.Fatal(err)
		}
		cert := issue(t, a, prefix, leaf)
		if renewed := time.Until(cert.NotAfter) > leafLifetime-time.Minute; renewed != (left < leafLifetime/2) {
			t.Errorf("with %v left: renewed %v", left, renewed)
		}
	}
}
