package server

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"k8s.io/apiserver/pkg/endpoints/responsewriter"
	"k8s.io/klog/v2"
)

// endGrace is how long a client may take to read how its request ended.
const endGrace = time.Second

// giveUpOnDone ends, soon after the context, also a write that waits for a client who reads nothing: what waits there
// would outlast every end, and go on when the client likes. The answer is to be called before the handler returns: then
// the writer is nobody's any more, and who touches that of HTTP/2 ends the process.
func giveUpOnDone(ctx context.Context, w http.ResponseWriter) (served func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(endGrace)); err != nil {
			klog.V(2).InfoS("Cannot give up on a client", "err", err)
		}
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// closeOnDone returns a response writer whose connection, once hijacked, is closed when the context ends: what carries
// an exec or a port-forward on looks at its connection alone.
func closeOnDone(ctx context.Context, w http.ResponseWriter) http.ResponseWriter {
	return responsewriter.WrapForHTTP1Or2(&closingWriter{ResponseWriter: w, ctx: ctx})
}

type closingWriter struct {
	http.ResponseWriter
	ctx context.Context
}

// Unwrap lets the writer be what the wrapped one is: a flusher, for instance.
func (w *closingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack takes the connection over from the HTTP server.
func (w *closingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		context.AfterFunc(w.ctx, func() { conn.Close() })
	}
	return conn, buffer, err
}
