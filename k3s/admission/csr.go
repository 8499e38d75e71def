// Package admission holds what the API server refuses or fills in beyond what Kubernetes does, whoever asks.
package admission

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/certificates"
)

const (
	// CanonicalRequestsName is the plugin's name in the API server's list.
	CanonicalRequestsName = "CanonicalCertificateRequests"

	requestType = "CERTIFICATE REQUEST"
	// maxRequest bounds a request in bytes of PEM; a kubelet's has about 600.
	maxRequest = 8 << 10
)

// NewCanonicalRequests makes the plugin that denies each CertificateSigningRequest whose request could be read in two
// ways: whoever reads it after us, with whatever parser, shall find what we found.
func NewCanonicalRequests(io.Reader) (admission.Interface, error) {
	return &canonicalRequests{admission.NewHandler(admission.Create)}, nil
}

type canonicalRequests struct{ *admission.Handler }

var _ admission.ValidationInterface = &canonicalRequests{}

// Validate sees requests when they are made: Kubernetes lets nobody change them afterwards.
func (*canonicalRequests) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if a.GetResource().GroupResource() != certificates.Resource("certificatesigningrequests") || a.GetSubresource() != "" {
		return nil
	}
	request, ok := a.GetObject().(*certificates.CertificateSigningRequest)
	if !ok {
		return admission.NewForbidden(a, fmt.Errorf("expected a CertificateSigningRequest, got %T", a.GetObject()))
	}
	if err := CheckRequest(request.Spec.Request); err != nil {
		return admission.NewForbidden(a, fmt.Errorf("spec.request is not in canonical form: %w", err))
	}
	return nil
}

// CheckRequest refuses a PEM file unless it is exactly what crypto/x509 writes for what crypto/x509 reads in it.
func CheckRequest(file []byte) error {
	if len(file) > maxRequest {
		return fmt.Errorf("it is longer than %d bytes", maxRequest)
	}
	block, _ := pem.Decode(file)
	if block == nil || !bytes.Equal(file, pem.EncodeToMemory(&pem.Block{Type: requestType, Bytes: block.Bytes})) {
		return errors.New("it is not one block of PEM and nothing else")
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return err
	}
	if err := checkSubject(request.RawSubject); err != nil {
		return err
	}
	again, err := encodeAgain(request)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, block.Bytes) {
		return errors.New("it says more than its fields, or says it in another way")
	}
	return nil
}

// checkSubject refuses parts of a name that hold several attributes, as crypto/x509 itself writes several organizations.
func checkSubject(raw []byte) error {
	var parts pkix.RDNSequence
	if rest, err := asn1.Unmarshal(raw, &parts); err != nil || len(rest) > 0 {
		return errors.New("its subject is not a name")
	}
	for _, part := range parts {
		if len(part) != 1 {
			return errors.New("a part of its subject has several attributes")
		}
	}
	return nil
}

// encodeAgain encodes the fields of a request, which holds its own signature only when the bytes come out the same:
// CreateCertificateRequest verifies what the signer returns.
func encodeAgain(request *x509.CertificateRequest) ([]byte, error) {
	fields := &x509.CertificateRequest{
		SignatureAlgorithm: request.SignatureAlgorithm,
		Subject:            request.Subject,
		DNSNames:           request.DNSNames,
		EmailAddresses:     request.EmailAddresses,
		IPAddresses:        request.IPAddresses,
		URIs:               request.URIs,
	}
	return x509.CreateCertificateRequest(rand.Reader, fields, signedBefore{request})
}

// signedBefore signs with the signature that a request came with.
type signedBefore struct{ request *x509.CertificateRequest }

func (s signedBefore) Public() crypto.PublicKey { return s.request.PublicKey }

func (s signedBefore) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return s.request.Signature, nil
}
