package pulls

import (
	"io"
	"net"
	"sync"
	"time"
)

// join copies both ways until one has ended, or nothing was read of either for idleTimeout.
func join(client net.Conn, fromClient io.Reader, server net.Conn) {
	var both sync.WaitGroup
	copyTo := func(to net.Conn, from io.Reader) {
		defer client.Close()
		defer server.Close()
		_, _ = io.Copy(to, awake{from, client, server}) // how it ended is for the two to say
	}
	both.Go(func() { copyTo(server, fromClient) })
	both.Go(func() { copyTo(client, server) })
	both.Wait()
}

// awake puts off the end of two connections when something is read.
type awake struct {
	io.Reader
	client, server net.Conn
}

func (a awake) Read(buffer []byte) (int, error) {
	deadline := time.Now().Add(idleTimeout)
	a.client.SetDeadline(deadline)
	a.server.SetDeadline(deadline)
	return a.Reader.Read(buffer)
}
