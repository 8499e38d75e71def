package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/hashicorp/yamux"
	"golang.org/x/net/http2"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/kubernetes/pkg/kubelet/client"

	"daasvader/k3s/wire"
)

// much is what a hostile node sends: more than a control plane would have left.
const much = 600 << 20

// tunnelServer lets everybody who connects be node w1.
func tunnelServer(t *testing.T, ctx context.Context) (*tunnel, string) {
	tunnel := newTunnel()
	tunnel.ranges.set(nodeWithRange("w1", "10.42.1.0/24"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tunnel.serve(w, r.WithContext(ctx), "w1")
	}))
	t.Cleanup(server.Close)
	return tunnel, server.Listener.Addr().String()
}

// openTunnel does what a node does, up to where it would speak yamux.
func openTunnel(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	request := "GET " + wire.ConnectPath + " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: " + wire.TunnelProtocol + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(oneByte{conn}, 16), nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("answer %v, error %v", response, err)
	}
	return conn
}

// oneByte reads no further than it must.
type oneByte struct{ io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.Reader.Read(b[:1]) }

// dialWhenOpen dials once the tunnel, of which the node knows first, is there.
func dialWhenOpen(t *testing.T, tunnel *tunnel) net.Conn {
	t.Helper()
	for {
		conn, err := tunnel.dial(context.Background(), "tcp", "w1:10250")
		if err == nil {
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		if t.Context().Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
}

func frame(kind byte, flags uint16, stream, length uint32) []byte {
	b := []byte{0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(b[2:], flags)
	binary.BigEndian.PutUint32(b[4:], stream)
	binary.BigEndian.PutUint32(b[8:], length)
	return b
}

func TestHostileNodeIsCutOffBeforeItFillsTheMemory(t *testing.T) {
	const window, ping = 1, 2
	full := append(frame(frameData, 0, 1, 64<<10), make([]byte, 64<<10)...)
	for name, test := range map[string]struct{ first, again []byte }{
		"with a frame that never ends":           {frame(frameData, 0, 1, much), make([]byte, 64<<10)},
		"with such a frame for no stream":        {frame(frameData, 0, 77, much), make([]byte, 64<<10)},
		"with more than the window":              {nil, full},
		"with questions":                         {nil, frame(ping, flagSyn, 0, 1)},
		"with streams of its own":                {nil, frame(window, flagSyn, 2, 0)},
		"with a stream of its own that has data": {nil, append(frame(frameData, flagSyn, 2, 1), 0)},
		"with the version of another protocol":   {nil, []byte("GET / HTTP/1.1\r\n\r\n")},
		"with the end of a stream over and over": {nil, frame(window, 4, 1, 0)},
		"with a kind of frame that nobody knows": {nil, frame(9, 0, 1, 0)},
		"with a header in many parts, that asks": {[]byte{0, window}, []byte{0, flagSyn, 0, 0, 0, 2, 0, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			tunnel, address := tunnelServer(t, t.Context())
			node := openTunnel(t, address)
			dialWhenOpen(t, tunnel)
			before := heap()
			sent, err := flood(node, test.first, test.again)
			if err == nil {
				t.Fatalf("took %d bytes and would take more", sent)
			}
			if grown := int64(heap()) - int64(before); grown > 16<<20 {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
			if _, err := tunnel.dial(t.Context(), "tcp", "w1:10250"); err == nil {
				t.Error("the tunnel still leads somewhere")
			}
		})
	}
}

// flood sends until the other side has had enough; nil means that it never had.
func flood(to net.Conn, first, again []byte) (sent int, err error) {
	if _, err := to.Write(first); err != nil {
		return 0, err
	}
	for sent < much {
		n, err := to.Write(again)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, nil
}

func heap() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapInuse
}

func TestNodeThatReadsNothingHoldsNoMoreThanItsStreams(t *testing.T) {
	tunnel, address := tunnelServer(t, t.Context())
	openTunnel(t, address)
	dialWhenOpen(t, tunnel)
	open := func(address string, count int) {
		t.Helper()
		for range count {
			if _, err := tunnel.dial(t.Context(), "tcp", address); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := tunnel.dial(t.Context(), "tcp", address); err == nil {
			t.Errorf("one more to %s was opened", address)
		}
	}
	open("10.42.1.7:80", maxStreams)
	open("w1:10250", maxStreams-1) // pods leave all of theirs to kubelets
}

func TestLogsThatNobodyReadsHoldNoMoreThanTheirStreams(t *testing.T) {
	t.Setenv("DISABLE_HTTP2", "") // what refuseHTTP2 sets is set back
	if err := refuseHTTP2(); err != nil {
		t.Fatal(err)
	}
	tunnel, address := tunnelServer(t, t.Context())
	talkativeKubelet(t, address)
	dialWhenOpen(t, tunnel).Close()
	kubelets, err := client.MakeInsecureTransport(&client.KubeletClientConfig{Lookup: tunnel.lookup})
	if err != nil {
		t.Fatal(err)
	}
	before := heap()
	viewer := request.WithUser(t.Context(), &user.DefaultInfo{Name: "sui:0x1"})
	follow := func() error {
		log, err := http.NewRequestWithContext(viewer, http.MethodGet, "https://w1:10250/containerLogs/x/y/z", nil)
		if err != nil {
			return err
		}
		response, err := kubelets.RoundTrip(log)
		if err == nil {
			t.Cleanup(func() { response.Body.Close() })
		}
		return err
	}
	for range maxStreamsEach {
		if err := follow(); err != nil {
			t.Fatal(err)
		}
	}
	if follow() == nil {
		t.Error("one more is followed")
	}
	time.Sleep(time.Second) // in which it sends what is taken
	if grown := int64(heap()) - int64(before); grown > 64<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

// talkativeKubelet answers everything with a log that never ends, and would rather speak HTTP/2.
func talkativeKubelet(t *testing.T, address string) {
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false
	session, err := yamux.Server(openTunnel(t, address), config)
	if err != nil {
		t.Fatal(err)
	}
	kubelet := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for line := make([]byte, 32<<10); ; {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	}))
	kubelet.Listener.Close()
	kubelet.Listener = skipTargets{session}
	kubelet.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	if err := http2.ConfigureServer(kubelet.Config, nil); err != nil {
		t.Fatal(err)
	}
	kubelet.StartTLS()
}

// skipTargets is a listener whose connections begin after the line that says where they lead.
type skipTargets struct{ net.Listener }

func (s skipTargets) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err == nil {
		readTarget(conn)
	}
	return conn, err
}

func readTarget(conn net.Conn) string {
	line, _ := bufio.NewReaderSize(oneByte{conn}, 16).ReadString('\n')
	return line
}

func TestOneCallerLeavesConnectionsToAKubeletForOthers(t *testing.T) {
	tunnel, address := tunnelServer(t, t.Context())
	echoNode(t, address)
	dialWhenOpen(t, tunnel)
	as := func(name string, groups ...string) context.Context {
		return request.WithUser(t.Context(), &user.DefaultInfo{Name: name, Groups: groups})
	}
	open := func(ctx context.Context) (net.Conn, error) { return tunnel.dial(ctx, "tcp", "w1:10250") }
	var last net.Conn
	for range maxStreamsEach {
		conn, err := open(as("sui:0x1"))
		if err != nil {
			t.Fatal(err)
		}
		last = conn
	}
	if _, err := open(as("sui:0x1")); err == nil {
		t.Error("one more is opened")
	}
	for range maxStreamsEach {
		if _, err := open(as("sui:0x2")); err != nil {
			t.Fatalf("of another: %v", err)
		}
	}
	if _, err := open(as("system:admin", user.SystemPrivilegedGroup)); err != nil {
		t.Errorf("of the control plane: %v", err)
	}
	last.Close()
	last.Close() // twice is once
	if _, err := open(as("sui:0x1")); err != nil {
		t.Error(err)
	}
	if _, err := open(as("sui:0x1")); err == nil {
		t.Error("one more is opened after one was closed")
	}
}

// echoNode accepts what the server opens and sends back what it is sent.
func echoNode(t *testing.T, address string) *yamux.Session {
	t.Helper()
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false
	session, err := yamux.Server(openTunnel(t, address), config)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			stream, err := session.Accept()
			if err != nil {
				return
			}
			go func() {
				defer stream.Close()
				readTarget(stream)
				io.Copy(stream, stream)
			}()
		}
	}()
	return session
}

func TestTunnelCarriesWhatIsSaidBothWays(t *testing.T) {
	tunnel, address := tunnelServer(t, t.Context())
	echoNode(t, address)
	conn := dialWhenOpen(t, tunnel)
	const size = 3 << 20 // more than a window
	go func() {
		if _, err := conn.Write(make([]byte, size)); err != nil {
			t.Error(err)
		}
	}()
	if n, err := io.CopyN(io.Discard, conn, size); err != nil {
		t.Errorf("%d bytes came back, then %v", n, err)
	}
}

func TestNewerTunnelOfANodeReplacesTheFormer(t *testing.T) {
	tunnel, address := tunnelServer(t, t.Context())
	former := echoNode(t, address)
	dialWhenOpen(t, tunnel)
	echoNode(t, address)
	select {
	case <-former.CloseChan():
	case <-time.After(tunnelTimeout):
		t.Fatal("the former one stays")
	}
	dialWhenOpen(t, tunnel)
}

func TestTunnelEndsWithItsRequest(t *testing.T) {
	ctx, revoke := context.WithCancel(t.Context())
	tunnel, address := tunnelServer(t, ctx)
	node := echoNode(t, address)
	conn := dialWhenOpen(t, tunnel)
	revoke()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the kubelet still answers")
	}
	<-node.CloseChan()
}

func TestTunnelIsNotOpenedForAnotherProtocol(t *testing.T) {
	_, address := tunnelServer(t, t.Context())
	response, err := http.Get("http://" + address + wire.ConnectPath)
	if err != nil || response.StatusCode != http.StatusBadRequest {
		t.Errorf("answer %v, error %v", response, err)
	}
}

func TestConnectionIsRefusedOnceItsFrameHeaderAsks(t *testing.T) {
	conn := &answeringConn{}
	asks := frame(frameData, flagSyn, 1, 0)
	for i, b := range asks {
		err := conn.check([]byte{b})
		if last := i == len(asks)-1; last != errors.Is(err, errAsks) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}
