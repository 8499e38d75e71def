package agent

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/yamux"

	"daasvader/k3s/wire"
)

// echoServer stands for the kubelet.
func echoServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				copyUntilEnd(conn, conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func TestEachStreamLeadsToTheKubeletAndEndsWithIt(t *testing.T) {
	server, node := net.Pipe()
	go acceptStreams(node, echoServer(t))
	session, err := yamux.Client(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for range 3 {
		stream, err := session.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stream, "hello"); err != nil {
			t.Fatal(err)
		}
		answer := make([]byte, 5)
		if _, err := io.ReadFull(stream, answer); err != nil || string(answer) != "hello" {
			t.Errorf("answer %q, error %v", answer, err)
		}
		stream.Close()
		if _, err := io.Copy(io.Discard, stream); err != nil {
			t.Errorf("the other side ends with %v", err)
		}
	}
}

func TestStreamEndsWhenThereIsNoKubelet(t *testing.T) {
	server, node := net.Pipe()
	go acceptStreams(node, "127.0.0.1:1")
	session, err := yamux.Client(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	stream, err := session.Open()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, stream); n != 0 || err != nil {
		t.Errorf("%d bytes, error %v", n, err)
	}
}

// tunnelTo opens a tunnel at a server that answers as given.
func tunnelTo(t *testing.T, answer http.HandlerFunc) (net.Conn, error) {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return dialTunnel(t.Context(), server.URL, &tls.Config{RootCAs: pool, ServerName: "example.com"})
}

func TestTunnelBeginsRightAfterTheAnswer(t *testing.T) {
	conn, err := tunnelTo(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != wire.ConnectPath || r.Header.Get("Upgrade") != wire.TunnelProtocol {
			t.Errorf("asked for %s as %s", r.URL.Path, r.Header.Get("Upgrade"))
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\nfirst")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if said, err := io.ReadAll(conn); err != nil || string(said) != "first" {
		t.Errorf("%q, error %v", said, err)
	}
}

func TestTunnelThatTheServerRefusesSaysWhy(t *testing.T) {
	_, err := tunnelTo(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	if err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error is %v", err)
	}
}
