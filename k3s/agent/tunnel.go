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
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// silence is how long the server may say nothing before its tunnel is given up: three of its pings are missing.
const silence = 3 * wire.PingInterval

// keepTunnel keeps a connection to the server open through which it reaches this node's kubelet and pods, and nothing else.
func (n *node) keepTunnel(ctx context.Context) error {
	reachable := targets{kubelet: wire.KubeletAddress, isOwnPod: n.isOwnPod}
	open := func(ctx context.Context) error { return n.tunnel(ctx, reachable) }
	return again(ctx, open, func(err error, retryAfter time.Duration) {
		klog.ErrorS(err, "Tunnel ended", "retryAfter", retryAfter)
	})
}

func (n *node) tunnel(ctx context.Context, reachable targets) error {
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
	return acceptStreams(conn, reachable)
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

// acceptStreams leads every stream to its target until the connection ends.
func acceptStreams(conn net.Conn, reachable targets) error {
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
		go connect(stream, reachable)
	}
}

// connect passes on what the server and the target say until either hangs up.
func connect(stream net.Conn, reachable targets) {
	defer stream.Close()
	address, err := reachable.read(stream)
	if err != nil {
		klog.ErrorS(err, "Cannot lead a connection of the server anywhere")
		return
	}
	target, err := net.DialTimeout("tcp", address, requestTimeout)
	if err != nil {
		klog.ErrorS(err, "Cannot reach what the server wants to")
		return
	}
	go func() {
		defer target.Close()
		copyUntilEnd(target, stream)
	}()
	copyUntilEnd(stream, target)
}

// copyUntilEnd copies until one of the two ends, which is how every connection does.
func copyUntilEnd(to io.Writer, from io.Reader) {
	if _, err := io.Copy(to, from); err != nil {
		klog.V(4).InfoS("A connection of the server ended", "err", err)
	}
}
