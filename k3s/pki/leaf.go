package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"slices"
	"time"
)

// leafLifetime is how long the server's own certificates live. A running server renews them at half of it.
const leafLifetime = 30 * 24 * time.Hour

// Leaf says what a certificate is for. Exactly one of client and server use is meant: a leaf with Hosts is a server's.
type Leaf struct {
	CommonName    string
	Organizations []string
	// Hosts are the DNS names and IP addresses under which a server is reached.
	Hosts []string
}

// Issue returns the files of a certificate signed by the authority, prefix.crt and prefix.key. It signs anew unless
// the file already holds a certificate of this authority for this leaf that lives long enough.
func (a *Authority) Issue(prefix string, leaf Leaf) (certFile, keyFile string, err error) {
	certFile, keyFile = prefix+".crt", prefix+".key"
	template := leaf.template()
	if a.stillServes(certFile, template) {
		return certFile, keyFile, nil
	}
	if err := a.sign(certFile, keyFile, template); err != nil {
		return "", "", fmt.Errorf("issue certificate %s: %w", leaf.CommonName, err)
	}
	return certFile, keyFile, nil
}

func (a *Authority) sign(certFile, keyFile string, template *x509.Certificate) error {
	key, err := LoadOrCreateKey(keyFile)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writeCertificates(certFile, der, a.cert.Raw)
}

func (l Leaf) template() *x509.Certificate {
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: l.CommonName, Organization: l.Organizations},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(leafLifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if len(l.Hosts) > 0 {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for _, host := range l.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

func (a *Authority) stillServes(certFile string, want *x509.Certificate) bool {
	have, err := readCertificate(certFile)
	if err != nil {
		return false
	}
	return have.CheckSignatureFrom(a.cert) == nil &&
		time.Until(have.NotAfter) > leafLifetime/2 &&
		have.Subject.String() == want.Subject.String() &&
		slices.Equal(have.DNSNames, want.DNSNames) &&
		slices.EqualFunc(have.IPAddresses, want.IPAddresses, net.IP.Equal) &&
		bytes.Equal(usages(have), usages(want))
}

func usages(c *x509.Certificate) []byte {
	var out []byte
	for _, usage := range c.ExtKeyUsage {
		out = append(out, byte(usage))
	}
	return out
}
