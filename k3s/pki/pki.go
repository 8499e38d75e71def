// Package pki makes the certificate authorities of a cluster and the certificates they sign, and keeps them as PEM
// files. What exists is reused, so that a restarted server keeps its identity.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"os"
	"time"

	"k8s.io/client-go/util/keyutil"
)

const (
	authorityLifetime = 10 * 365 * 24 * time.Hour
	// backdate tolerates clocks that run behind ours.
	backdate = 5 * time.Minute
)

// Authority signs certificates.
type Authority struct {
	// CertFile holds the authority's own certificate.
	CertFile string
	// KeyFile holds its private key.
	KeyFile string

	cert *x509.Certificate
	key  crypto.Signer
}

// LoadOrCreateAuthority returns the authority kept in prefix.crt and prefix.key, making it when neither exists.
func LoadOrCreateAuthority(prefix, commonName string) (*Authority, error) {
	a := &Authority{CertFile: prefix + ".crt", KeyFile: prefix + ".key"}
	if _, err := os.Stat(a.CertFile); os.IsNotExist(err) {
		if err := a.create(commonName); err != nil {
			return nil, fmt.Errorf("create certificate authority %s: %w", commonName, err)
		}
	}
	if err := a.load(); err != nil {
		return nil, fmt.Errorf("load certificate authority %s: %w", commonName, err)
	}
	return a, nil
}

func (a *Authority) create(commonName string) error {
	key, err := LoadOrCreateKey(a.KeyFile)
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: fmt.Sprintf("%s@%d", commonName, now.Unix())},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	// Written last: the certificate's existence says that the pair is complete.
	return writeCertificates(a.CertFile, der)
}

func (a *Authority) load() (err error) {
	if a.cert, err = readCertificate(a.CertFile); err != nil {
		return err
	}
	a.key, err = LoadOrCreateKey(a.KeyFile)
	return err
}

// LoadOrCreateKey returns the P-256 key kept in file, making it when the file does not exist.
func LoadOrCreateKey(file string) (crypto.Signer, error) {
	if _, err := os.Stat(file); os.IsNotExist(err) {
		if err := createKey(file); err != nil {
			return nil, err
		}
	}
	key, err := keyutil.PrivateKeyFromFile(file)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: not a signing key", file)
	}
	return signer, nil
}

func createKey(file string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	pem, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return err
	}
	return WriteFile(file, pem, 0o600)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return n.Add(n, big.NewInt(1))
}
