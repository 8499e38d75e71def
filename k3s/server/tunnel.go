package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// nodeUserPrefix begins the user name of every node.
const nodeUserPrefix = "system:node:"

// tunnelTimeout is how long a node may take to take part: to accept a connection, to answer a ping, to close.
const tunnelTimeout = 10 * time.Second

// tunnel reaches kubelets and pods through connections that their nodes opened. A connection belongs to the node that its
// client certificate names, and leads to that node's kubelet and pods only: nothing that a node says about itself counts.
type tunnel struct {
	ranges  *nodeRanges
	mu      sync.Mutex
	current map[string]*link
}

func newTunnel() *tunnel {
	return &tunnel{ranges: newNodeRanges(), current: map[string]*link{}}
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
