package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server/egressselector"
	"k8s.io/klog/v2"

	own "daasvader/k3s/admission"
	"daasvader/k3s/wire"
)

// nodeUserPrefix begins the user name of every node.
const nodeUserPrefix = "system:node:"

const (
	// maxStreams bounds the connections to one kubelet. Each holds at most wire.StreamWindow unread bytes, in a buffer
	// that doubles as it grows and so is no larger than four times that: 64 MiB for one node at worst, and only while
	// 64 requests to that node run whose callers do not read.
	maxStreams = 64
	// maxStreamsEach bounds those that one caller has to one kubelet, so that others can reach it, too: to follow the logs
	// of the 20 pods that a developer may have, and to enter some.
	maxStreamsEach = 24
	// tunnelTimeout is how long a node may take to take part: to accept a connection, to answer a ping, to close.
	tunnelTimeout = 10 * time.Second
	// stallTimeout is how long a kubelet may leave unread what it was sent; a process in a pod may be slow to read.
	stallTimeout = 5 * time.Minute
)

// tunnel reaches kubelets through connections that their nodes opened. A connection belongs to the node that its
// client certificate names, and leads to that node's kubelet only: nothing that a node says about itself counts.
type tunnel struct {
	mu      sync.Mutex
	current map[string]*link
}

func newTunnel() *tunnel {
	return &tunnel{current: map[string]*link{}}
}

// serve carries a node's tunnel until it breaks, the node opens another one, or the request is cancelled.
func (t *tunnel) serve(w http.ResponseWriter, r *http.Request, node string) {
	if r.Header.Get("Upgrade") != wire.TunnelProtocol {
		http.Error(w, "Cannot open tunnel: the request does not ask to upgrade to "+wire.TunnelProtocol+", update the agent", http.StatusBadRequest)
		return
	}
	mine, err := takeOver(w)
	if err != nil {
		klog.ErrorS(err, "Cannot open tunnel", "node", node)
		return
	}
	defer mine.session.Close()
	t.replace(node, mine)
	defer t.remove(node, mine)
	klog.InfoS("Tunnel opened", "node", node)
	select {
	case <-mine.session.CloseChan():
	case <-r.Context().Done():
	}
	klog.InfoS("Tunnel closed", "node", node)
}

// replace ends a node's former tunnel, which may be dead.
func (t *tunnel) replace(node string, next *link) {
	t.mu.Lock()
	former := t.current[node]
	t.current[node] = next
	t.mu.Unlock()
	if former != nil {
		former.session.Close()
	}
}

func (t *tunnel) remove(node string, mine *link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current[node] == mine {
		delete(t.current, node)
	}
}

// refuseHTTP2 makes Kubernetes's clients, of which those for kubelets cannot be told apart, speak HTTP/1.1 with all: a
// kubelet that spoke HTTP/2 could have 4 MiB kept here of each log that its caller does not read, whatever a stream of
// the tunnel may hold. The control plane's own clients then have some 300 connections on loopback.
func refuseHTTP2() error { return os.Setenv("DISABLE_HTTP2", "true") }

// lookup is the API server's egress selector for kubelets.
func (t *tunnel) lookup(egressselector.NetworkContext) (utilnet.DialFunc, error) {
	return t.dial, nil
}

func (t *tunnel) dial(ctx context.Context, _, address string) (net.Conn, error) {
	node, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	link := t.current[node]
	t.mu.Unlock()
	if link == nil {
		return nil, fmt.Errorf("Cannot reach kubelet of %s: the node has no tunnel open", node)
	}
	conn, err := link.open(boundedCaller(ctx))
	if err != nil {
		return nil, fmt.Errorf("Cannot reach kubelet of %s: %w", node, err)
	}
	return conn, nil
}

// boundedCaller is for whom a connection is opened; empty for the control plane itself. Where Kubernetes keeps one for
// the next caller, it goes on counting for the first.
func boundedCaller(ctx context.Context) string {
	caller, known := request.UserFrom(ctx)
	if !known || own.IsControlPlane(caller) {
		return ""
	}
	return caller.GetName()
}

// link is one node's tunnel. This side opens connections in it, the node accepts them.
type link struct {
	session *yamux.Session
	opening atomic.Int32

	mu   sync.Mutex
	each map[string]int // the connections that bounded callers have
}

func newLink(conn net.Conn) (*link, error) {
	config := yamux.DefaultConfig()
	config.AcceptBacklog = maxStreams
	config.KeepAliveInterval = wire.PingInterval
	config.ConnectionWriteTimeout = tunnelTimeout
	config.StreamOpenTimeout = tunnelTimeout
	config.StreamCloseTimeout = tunnelTimeout
	config.MaxStreamWindowSize = wire.StreamWindow
	config.LogOutput = io.Discard // a node decides how often yamux has something to say
	session, err := yamux.Client(&answeringConn{Conn: conn}, config)
	if err != nil {
		return nil, err
	}
	return &link{session: session, each: map[string]int{}}, nil
}

// open connects with the kubelet, within tunnelTimeout. One that is being opened may count twice, never not at all.
func (l *link) open(caller string) (net.Conn, error) {
	opening := int(l.opening.Add(1))
	defer l.opening.Add(-1)
	if l.session.NumStreams()+opening > maxStreams {
		return nil, fmt.Errorf("%d connections to it are open, which is the limit", maxStreams)
	}
	if !l.take(caller) {
		return nil, fmt.Errorf("%d of your connections to it are open, end some", maxStreamsEach)
	}
	giveBack := sync.OnceFunc(func() { l.giveBack(caller) })
	stream, err := l.session.Open()
	if err != nil {
		giveBack()
		return nil, err
	}
	return patientConn{stream, giveBack}, nil
}

func (l *link) take(caller string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if caller != "" && l.each[caller] >= maxStreamsEach {
		return false
	}
	l.each[caller]++
	return true
}

func (l *link) giveBack(caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each[caller]--; l.each[caller] == 0 {
		delete(l.each, caller)
	}
}

// patientConn gives up on a peer that reads nothing for too long.
type patientConn struct {
	net.Conn
	closed func()
}

func (c patientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c patientConn) Close() error {
	defer c.closed()
	return c.Conn.Close()
}

// takeOver answers a request to open a tunnel and speaks in it from then on.
func takeOver(w http.ResponseWriter) (*link, error) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if err := switchProtocols(conn, buffer.Reader); err != nil {
		conn.Close()
		return nil, err
	}
	link, err := newLink(conn)
	if err != nil {
		conn.Close()
	}
	return link, err
}

func switchProtocols(conn net.Conn, read *bufio.Reader) error {
	if read.Buffered() > 0 {
		return errors.New("the node spoke before it was answered")
	}
	if err := conn.SetWriteDeadline(time.Now().Add(tunnelTimeout)); err != nil {
		return err
	}
	answer := "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + wire.TunnelProtocol + "\r\n\r\n"
	if _, err := io.WriteString(conn, answer); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// nodeOf returns the name of the node whose client certificate the request carries.
func nodeOf(auth authenticator.Request, r *http.Request) (string, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", errors.New("Cannot open tunnel: no client certificate")
	}
	response, ok, err := auth.AuthenticateRequest(r)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("Cannot open tunnel: unknown client certificate")
	}
	name := response.User.GetName()
	if !strings.HasPrefix(name, nodeUserPrefix) {
		return "", fmt.Errorf("Cannot open tunnel: %s is not a node", name)
	}
	return strings.TrimPrefix(name, nodeUserPrefix), nil
}

func refuseDial(_ context.Context, _, address string) (net.Conn, error) {
	return nil, fmt.Errorf("Cannot reach %s: the control plane connects to kubelets only", address)
}
