package server

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/yamux"

	"daasvader/k3s/wire"
)

const (
	// maxStreams bounds the connections to one kubelet, and those to all pods of its node. Each holds at most
	// wire.StreamWindow unread bytes, in a buffer that doubles as it grows and so is no larger than four times that:
	// 128 MiB for one node at worst, and only while 128 requests to that node run whose callers do not read.
	maxStreams = 64
	// maxStreamsEach bounds those that one caller has to one kubelet, or to the pods of one node, so that others can reach
	// them, too: to follow the logs of the 20 pods that a developer may have, and to enter some.
	maxStreamsEach = 24
	// stallTimeout is how long a kubelet or a pod may leave unread what it was sent; a process in a pod may be slow to read.
	stallTimeout = 5 * time.Minute
)

// link is one node's tunnel. This side opens connections in it, the node accepts them.
type link struct {
	session *yamux.Session

	mu      sync.Mutex
	opening int
	kubelet lane
	pods    lane
}

// lane is one of the two kinds of connections in a link. What is open in one takes no room from the other.
type lane struct {
	open int
	each map[string]int // the connections that bounded callers have
}

func newLink(conn net.Conn) (*link, error) {
	config := yamux.DefaultConfig()
	config.AcceptBacklog = 2 * maxStreams
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
	return &link{session: session, kubelet: lane{each: map[string]int{}}, pods: lane{each: map[string]int{}}}, nil
}

// openKubelet connects with the node's kubelet, within tunnelTimeout.
//
// caller: whose connections are bounded; empty: the control plane's are not
func (l *link) openKubelet(caller string) (net.Conn, error) {
	return l.openIn(&l.kubelet, &l.pods, wire.KubeletTarget, caller)
}

// openPod connects with ADDRESS:PORT of a pod of the node, within tunnelTimeout.
func (l *link) openPod(target, caller string) (net.Conn, error) {
	return l.openIn(&l.pods, &l.kubelet, target, caller)
}

func (l *link) openIn(mine, other *lane, target, caller string) (net.Conn, error) {
	if err := l.take(mine, other, caller); err != nil {
		return nil, err
	}
	giveBack := sync.OnceFunc(func() { l.giveBack(mine, caller) })
	stream, err := l.openStream(target)
	if err != nil {
		giveBack()
		return nil, err
	}
	return patientConn{stream, giveBack}, nil
}

// openStream returns a stream whose first line is the target.
func (l *link) openStream(target string) (*yamux.Stream, error) {
	defer l.opened()
	stream, err := l.session.OpenStream()
	if err != nil {
		return nil, err
	}
	err = stream.SetWriteDeadline(time.Now().Add(tunnelTimeout))
	if err == nil {
		_, err = io.WriteString(stream, target+"\n")
	}
	if err != nil {
		stream.Close()
		return nil, err
	}
	return stream, nil
}

// take makes room for one connection. What was closed and has not ended, because the node says nothing, counts against
// both lanes; one that is being opened may count twice, never not at all.
func (l *link) take(mine, other *lane, caller string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session.NumStreams()+l.opening-other.open >= maxStreams {
		return fmt.Errorf("%d connections to it are open, which is the limit", maxStreams)
	}
	if caller != "" && mine.each[caller] >= maxStreamsEach {
		return fmt.Errorf("%d of your connections to it are open, end some", maxStreamsEach)
	}
	l.opening++
	mine.open++
	mine.each[caller]++
	return nil
}

func (l *link) opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.opening--
}

func (l *link) giveBack(mine *lane, caller string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mine.open--
	if mine.each[caller]--; mine.each[caller] == 0 {
		delete(mine.each, caller)
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
