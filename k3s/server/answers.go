package server

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
)

const (
	// maxAnswer is how many bytes a webhook or an aggregated API may answer, because Kubernetes keeps all of some answers
	// before it looks at them: of a webhook an object and its patch, of an API what it offers.
	maxAnswer = 8 << 20
	// shortestRequest is less than any request and more than what TLS writes by itself (a record of 27 bytes, when the
	// other side asks for new keys).
	shortestRequest = 64
)

// dialForAnswers is dial to whom Kubernetes asks questions of.
func (t *tunnel) dialForAnswers(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := t.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	bounded := &answersConn{Conn: conn}
	bounded.left.Store(maxAnswer)
	return bounded, nil
}

// answersConn ends when the answer to one question is too long.
type answersConn struct {
	net.Conn
	left atomic.Int64
}

func (c *answersConn) Read(b []byte) (int, error) {
	left := c.left.Load()
	if left <= 0 {
		return 0, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), left)])
	c.left.Add(-int64(n))
	return n, err
}

func (c *answersConn) Write(b []byte) (int, error) {
	if len(b) >= shortestRequest {
		c.left.Store(maxAnswer)
	}
	return c.Conn.Write(b)
}
