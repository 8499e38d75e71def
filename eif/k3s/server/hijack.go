package server

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"k8s.io/apiserver/pkg/endpoints/responsewriter"
)

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
