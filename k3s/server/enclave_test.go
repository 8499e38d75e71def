package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apiserver/pkg/authentication/user"
)

// enclaveSees serves as the enclave process and returns what it sees of each request.
func enclaveSees(t *testing.T) (socket string, seen <-chan *http.Request) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "api.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	requests := make(chan *http.Request, 4)
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

func TestEnclaveSeesTheRequestsThatWereReadAndNoOther(t *testing.T) {
	const register, hidden = "/api/v1/register-worker", "GET /api/v1/attestation?hidden HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, test := range map[string]struct {
		headers, body string
		seen          []string
		// isCut: its body is broken off by an error, which may come before anything was forwarded.
		isCut bool
	}{
		"both lengths":                     {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", []string{register}, false},
		"a request as a body":              {fmt.Sprintf("Content-Length: %d\r\n", len(hidden)), hidden, []string{register}, false},
		"two lengths":                      {"Content-Length: 4\r\nContent-Length: 5\r\n", hidden, nil, false},
		"an odd encoding":                  {"Transfer-Encoding: xchunked\r\n", "0\r\n\r\n" + hidden, nil, false},
		"an encoding with a tab":           {"Transfer-Encoding:\tchunked, chunked\r\n", "0\r\n\r\n" + hidden, nil, false},
		"a space before the colon":         {"Transfer-Encoding : chunked\r\n", "0\r\n\r\n" + hidden, nil, false},
		"a folded header":                  {"Content-Length: 0\r\n X: y\r\n", hidden, nil, false},
		"a lone line feed in a chunk size": {"Transfer-Encoding: chunked\r\n", "0\n\r\n", []string{register}, true},
	} {
		socket, seen := enclaveSees(t)
		f := &front{fence: newFence(), enclave: enclaveProxy(socket)}
		server := httptest.NewServer(f.wrap(http.NotFoundHandler()))
		connection, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n%s", register, test.headers, test.body)
		if _, err := io.ReadAll(connection); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		server.Close()
		var got []string
		for len(seen) > 0 {
			got = append(got, (<-seen).RequestURI)
		}
		if !slices.Equal(got, test.seen) && !(test.isCut && len(got) == 0) {
			t.Errorf("%s: the enclave saw %q, want %q", name, got, test.seen)
		}
	}
}

func TestEnclaveLearnsFromUsAloneWhoAsksForAnAnswer(t *testing.T) {
	socket, seen := enclaveSees(t)
	f := &front{fence: newFence(), enclave: enclaveProxy(socket)}
	h := f.wrap(f.wrapCharged(http.NotFoundHandler(), nil))
	for name, row := range map[string]struct {
		path string
		who  user.Info
		want []string
	}{
		"a user":               {answerPath + "?request=7", &user.DefaultInfo{Name: "sui:a"}, []string{"sui:a"}},
		"nobody":               {answerPath + "?request=7", nil, nil},
		"a node":               {answerPath + "?request=7", kubelet("w1"), nil},
		"the control plane":    {answerPath + "?request=7", &user.DefaultInfo{Name: user.APIServerUser}, nil},
		"a user elsewhere":     {"/api/v1/attestation", &user.DefaultInfo{Name: "sui:a"}, nil},
		"another way to write": {"/api/v1/orders%2fanswer", &user.DefaultInfo{Name: "sui:a"}, []string{"sui:a"}},
	} {
		request := from(row.who, http.MethodGet, row.path, 0)
		request.Header["X-Daasvader-User"] = []string{"sui:victim", "sui:victim"}
		h.ServeHTTP(httptest.NewRecorder(), request)
		if got := (<-seen).Header.Values("X-Daasvader-User"); !slices.Equal(got, row.want) {
			t.Errorf("%s: the enclave saw %q", name, got)
		}
	}
}

func TestUserCannotHideWhoItIsFromTheEnclave(t *testing.T) {
	socket, seen := enclaveSees(t)
	request := from(&user.DefaultInfo{Name: "sui:a"}, http.MethodGet, answerPath, 0)
	request.Header.Set("Connection", "X-Daasvader-User, X-Daasvader-Connection")
	(&front{enclave: enclaveProxy(socket)}).wrapCharged(http.NotFoundHandler(), nil).ServeHTTP(httptest.NewRecorder(), request)
	if got := (<-seen).Header.Get("X-Daasvader-User"); got != "sui:a" {
		t.Errorf("the enclave saw %q", got)
	}
}
