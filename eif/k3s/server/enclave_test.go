package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
)

// enclaveSees serves as the enclave process and returns what it sees of each request.
func enclaveSees(t *testing.T) (socket string, seen <-chan *http.Request) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan *http.Request, 1)
	enclave := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { requests <- r })}
	go enclave.Serve(listener)
	t.Cleanup(func() { enclave.Close() })
	return socket, requests
}

func TestEnclaveLearnsTheConnectionFromUsAlone(t *testing.T) {
	socket, seen := enclaveSees(t)
	request := httptest.NewRequest(http.MethodGet, "/api/v1/attestation", nil)
	request.RemoteAddr = "127.0.0.1:4711"
	request.Header.Set("X-Daasvader-Connection", "another's")
	enclaveProxy(socket).ServeHTTP(httptest.NewRecorder(), request)
	if got := (<-seen).Header.Values("X-Daasvader-Connection"); len(got) != 1 || got[0] != "127.0.0.1:4711" {
		t.Fatalf("the enclave saw %q", got)
	}
}

func TestEnclaveIsAskedForThePathThatWasCompared(t *testing.T) {
	for written, want := range map[string]string{
		"/api/v1/attestation?nonce=00":   "/api/v1/attestation?nonce=00",
		"/api/v1/%61ttestation?nonce=00": "/api/v1/attestation?nonce=00",
		"/api%2fv1%2fattestation":        "/api/v1/attestation",
		"/api/v1/attestation/":           "",
		"//api/v1/attestation":           "",
		"/api/v1/x/../attestation":       "",
		"/api/v1/attestation%00":         "",
		"/api/v1/attestation%2f..":       "",
		"/api/v1/kubeconfig":             "",
		"/API/v1/attestation":            "",
	} {
		socket, seen := enclaveSees(t)
		f := &front{fence: newFence(), enclave: enclaveProxy(socket)}
		kubernetes := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		f.wrap(kubernetes).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, written, nil))
		got := ""
		select {
		case r := <-seen:
			got = r.RequestURI
		default:
		}
		if got != want {
			t.Errorf("%s: the enclave was asked for %q, want %q", written, got, want)
		}
	}
}
