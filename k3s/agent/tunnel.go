package agent

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/yamux"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// silence is how long the server may say nothing before its tunnel is given up: three of its pings are missing.
const silence = 3 * wire.PingInterval

// keepTunnel keeps a connection to the server open through which it reaches this node's kubelet, and nothing else.
func (n *node) keepTunnel(ctx context.Context) error {
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 6, Cap: 5 * time.Second}
	for pause := backoff; ctx.Err() == nil; {
		opened := time.Now()
		err := n.tunnel(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(opened) > time.Minute {
			pause = backoff
		}
		delay := pause.Step()
		klog.ErrorS(err, "Tunnel ended", "retryAfter", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

func (n *node) tunnel(ctx context.Context) error {
	config, err := n.options.restConfig()
	if err != nil {
		return err
	}
	credential, err := rest.TLSConfigFor(config) // anew each time: the certificate may have been renewed
	if err != nil {
		return fmt.Errorf("read the node's credential: %w", err)
	}
	conn, err := dialTunnel(ctx, n.options.Server, credential)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	klog.InfoS("Tunnel opened", "server", n.options.Server)
	return acceptStreams(conn, wire.KubeletAddress)
}

// dialTunnel opens the connection and has the server take it as a tunnel.
func dialTunnel(ctx context.Context, server string, credential *tls.Config) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+wire.ConnectPath, nil)
	if err != nil {
		return nil, err
	}
	request.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {wire.TunnelProtocol}}
	conn, err := (&tls.Dialer{Config: credential}).DialContext(ctx, "tcp", hostPort(request.URL))
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	tunnel, err := upgrade(conn, request)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return tunnel, nil
}

func hostPort(server *url.URL) string {
	port := server.Port()
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(server.Hostname(), port)
}

func upgrade(conn net.Conn, request *http.Request) (net.Conn, error) {
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("the server answers %s", response.Status)
	}
	return &tunnelConn{Conn: conn, reader: reader}, nil
}

// tunnelConn reads on after the answer to the request, and ends when the server is silent.
type tunnelConn struct {
	net.Conn
	reader *bufio.Reader
}

func (c *tunnelConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
		return 0, err
	}
	return c.reader.Read(b)
}

// acceptStreams leads every stream to the kubelet, whoever it is meant for, until the connection ends.
func acceptStreams(conn net.Conn, kubelet string) error {
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false // the server asks, and takes no questions
	config.MaxStreamWindowSize = wire.StreamWindow
	session, err := yamux.Server(conn, config)
	if err != nil {
		return err
	}
	defer session.Close()
	for {
		stream, err := session.Accept()
		if err != nil {
			return err
		}
		go connect(stream, kubelet)
	}
}

// connect passes on what the server and the kubelet say until either hangs up.
func connect(stream net.Conn, address string) {
	defer stream.Close()
	kubelet, err := net.DialTimeout("tcp", address, requestTimeout)
	if err != nil {
		klog.ErrorS(err, "Cannot reach the kubelet")
		return
	}
	go func() {
		defer kubelet.Close()
		copyUntilEnd(kubelet, stream)
	}()
	copyUntilEnd(stream, kubelet)
}

// copyUntilEnd copies until one of the two ends, which is how every connection does.
func copyUntilEnd(to io.Writer, from io.Reader) {
	if _, err := io.Copy(to, from); err != nil {
		klog.V(4).InfoS("A connection to the kubelet ended", "err", err)
	}
}
