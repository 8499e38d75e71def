package server

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func requestOf(commonName string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api", nil)
	if commonName != "" {
		certificate := &x509.Certificate{Subject: pkix.Name{CommonName: commonName}}
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
	}
	return r
}

func statusThrough(f *fence, r *http.Request) int {
	w := httptest.NewRecorder()
	f.wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {})).ServeHTTP(w, r)
	return w.Code
}

func TestNodesWaitUntilTheListOfRevokedOnesIsKnown(t *testing.T) {
	f := newFence()
	if code := statusThrough(f, requestOf("system:node:w1")); code != http.StatusServiceUnavailable {
		t.Errorf("node got %d", code)
	}
	if code := statusThrough(f, requestOf("sui:0x1")); code != http.StatusOK {
		t.Errorf("user got %d", code)
	}
}

func TestRevokedNodeIsRefusedAndOthersAreNot(t *testing.T) {
	f := newFence()
	f.set(nodesIn(&corev1.ConfigMap{Data: map[string]string{"w1": ""}}))
	for name, want := range map[string]int{
		"system:node:w1": http.StatusUnauthorized,
		"system:node:w2": http.StatusOK,
		"w1":             http.StatusOK,
		"":               http.StatusOK,
	} {
		if code := statusThrough(f, requestOf(name)); code != want {
			t.Errorf("%q got %d, want %d", name, code, want)
		}
	}
}

func TestRevokingANodeEndsWhatItHasRunning(t *testing.T) {
	f := newFence()
	f.set(nil)
	entered, ended := make(chan struct{}), make(chan struct{})
	handler := f.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(ended)
	}))
	go handler.ServeHTTP(httptest.NewRecorder(), requestOf("system:node:w1"))
	<-entered
	f.set(map[string]bool{"w1": true})
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the request goes on")
	}
}
