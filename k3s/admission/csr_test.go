package admission

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net"
	"os"
	"strings"
	"testing"

	"k8s.io/client-go/util/cert"
	"k8s.io/kubernetes/pkg/apis/certificates"
)

var nodeSubject = pkix.Name{Organization: []string{"system:nodes"}, CommonName: "system:node:worker-1"}

func key(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// request makes a request the way a kubelet does.
func request(t *testing.T, template *x509.CertificateRequest, key any) []byte {
	t.Helper()
	request, err := cert.MakeCSRFromTemplate(key, template)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

func TestRequestsOfKubeletsPass(t *testing.T) {
	for name, template := range map[string]*x509.CertificateRequest{
		"client":  {Subject: nodeSubject},
		"serving": {Subject: nodeSubject, DNSNames: []string{"worker-1"}, IPAddresses: []net.IP{net.ParseIP("10.99.0.2")}},
	} {
		if err := CheckRequest(request(t, template, key(t))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestWithAnRSAKeyPasses(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckRequest(request(t, &x509.CertificateRequest{Subject: nodeSubject}, key)); err != nil {
		t.Error(err)
	}
}

func TestTextAroundARequestIsRefused(t *testing.T) {
	own := string(request(t, &x509.CertificateRequest{Subject: nodeSubject}, key(t)))
	other := string(request(t, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "system:kube-controller-manager"}}, key(t)))
	for name, file := range map[string]string{
		"a block hidden by a character before it": "x" + own + other,
		"two blocks":       own + other,
		"a line before it": "subject=worker-1\n" + own,
		"a line after it":  own + "\n",
		"no last line end": strings.TrimSuffix(own, "\n"),
		"other line ends":  strings.ReplaceAll(own, "\n", "\r\n"),
		"a header":         strings.Replace(own, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1),
		"longer lines":     strings.Replace(own, "\n", "", 2),
		"another type":     strings.ReplaceAll(own, "CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
		"nothing":          "",
		"more than 8 KiB":  own + strings.Repeat("\n", maxRequest),
	} {
		if err := CheckRequest([]byte(file)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestFieldsBeyondTheUsualAreRefused(t *testing.T) {
	extension := pkix.Extension{Id: []int{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 1, 6}}
	for name, template := range map[string]*x509.CertificateRequest{
		"several organizations": {Subject: pkix.Name{Organization: []string{"system:nodes", "system:masters"}}},
		"an unusual attribute":  {Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{1, 2, 3}, Value: "x"}}}},
		"a usual attribute twice": {Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: []int{2, 5, 4, 3}, Value: "a"}, {Type: []int{2, 5, 4, 3}, Value: "b"}}}},
		"an extension": {Subject: nodeSubject, ExtraExtensions: []pkix.Extension{extension}},
	} {
		if err := CheckRequest(request(t, template, key(t))); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestRequestSignedByAnotherKeyIsRefused(t *testing.T) {
	block, _ := pem.Decode(request(t, &x509.CertificateRequest{Subject: nodeSubject}, key(t)))
	block.Bytes[len(block.Bytes)-1] ^= 1
	if err := CheckRequest(pem.EncodeToMemory(block)); err == nil {
		t.Error("it was accepted")
	}
}

// seen is what Kubernetes reads in a request, and what we say about it.
type seen struct {
	Denied    string   `json:"denied"`
	Readable  bool     `json:"readable"`
	Subject   string   `json:"subject"`
	PublicKey string   `json:"publicKey"`
	DNSNames  []string `json:"dnsNames"`
	Addresses []string `json:"addresses"`
	Others    int      `json:"others"`
}

func look(file []byte) seen {
	out := seen{}
	if err := CheckRequest(file); err != nil {
		out.Denied = err.Error()
	}
	request, err := certificates.ParseCSR(file)
	if err != nil || request.CheckSignature() != nil {
		return out
	}
	out.Readable = true
	out.Subject, out.PublicKey = hex.EncodeToString(request.RawSubject), hex.EncodeToString(request.RawSubjectPublicKeyInfo)
	out.DNSNames, out.Others = request.DNSNames, len(request.EmailAddresses)+len(request.URIs)
	for _, ip := range request.IPAddresses {
		out.Addresses = append(out.Addresses, ip.String())
	}
	return out
}

// TestCorpus tells, for test/certificates.test.ts, what Go sees in each file of DAAS_CORPUS, base64 in lines.
func TestCorpus(t *testing.T) {
	corpus := os.Getenv("DAAS_CORPUS")
	if corpus == "" {
		t.Skip("DAAS_CORPUS is not set")
	}
	in, err := os.Open(corpus)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(corpus + ".seen")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	lines, encoder := bufio.NewScanner(in), json.NewEncoder(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		file, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		if err := encoder.Encode(look(file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
