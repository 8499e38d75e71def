package agent

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
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

// streamsTo is the server's end of a tunnel that leads where it may.
func streamsTo(t *testing.T, reachable targets) *yamux.Session {
	t.Helper()
	server, node := net.Pipe()
	go acceptStreams(node, reachable)
	session, err := yamux.Client(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func TestEachStreamLeadsToItsTargetAndEndsWithIt(t *testing.T) {
	pod := netip.MustParseAddrPort(echoServer(t))
	session := streamsTo(t, targets{kubelet: echoServer(t), isOwnPod: func(a netip.Addr) bool { return a == pod.Addr() }})
	for _, target := range []string{wire.KubeletTarget, pod.String(), wire.KubeletTarget} {
		stream, err := session.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stream, target+"\nhello"); err != nil {
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

func TestStreamEndsWhenItLeadsNowhere(t *testing.T) {
	stranger := echoServer(t)
	none := func(netip.Addr) bool { return false }
	session := streamsTo(t, targets{kubelet: "127.0.0.1:1", isOwnPod: none})
	for name, said := range map[string]string{
		"no kubelet":           wire.KubeletTarget + "\n",
		"who is no pod":        stranger + "\n",
		"a line without end":   strings.Repeat("1", 1<<16),
		"another kubelet":      "kubelet2\n",
		"a name":               "localhost:80\n",
		"nothing":              "\n",
		"a port alone":         ":80\n",
		"the metadata address": "169.254.169.254:80\n",
	} {
		stream, err := session.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(stream, said); err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, stream); n != 0 || err != nil {
			t.Errorf("%s: %d bytes, error %v", name, n, err)
		}
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
