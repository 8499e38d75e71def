package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

func TestEnclaveLearnsTheConnectionFromUsAlone(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan []string, 1)
	enclave := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Values("X-Daasvader-Connection")
	})}
	go enclave.Serve(listener)
	defer enclave.Close()

	request := httptest.NewRequest(http.MethodGet, "/api/v1/attestation", nil)
	request.RemoteAddr = "127.0.0.1:4711"
	request.Header.Set("X-Daasvader-Connection", "another's")
	enclaveProxy(socket).ServeHTTP(httptest.NewRecorder(), request)
	if got := <-seen; len(got) != 1 || got[0] != "127.0.0.1:4711" {
		t.Fatalf("the enclave saw %q", got)
	}
}
