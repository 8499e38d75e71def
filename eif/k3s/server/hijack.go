package server

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
)

// closeOnDone returns a response writer whose connection, once hijacked, is closed when the context ends.
func closeOnDone(ctx context.Context, w http.ResponseWriter) http.ResponseWriter {
	return &closingWriter{ResponseWriter: w, ctx: ctx}
}

type closingWriter struct {
	http.ResponseWriter
	ctx context.Context
}

// Hijack takes the connection over from the HTTP server.
func (w *closingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := w.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("Cannot hijack connection: it speaks HTTP/2")
	}
	conn, buffer, err := hijacker.Hijack()
	if err == nil {
		context.AfterFunc(w.ctx, func() { conn.Close() })
	}
	return conn, buffer, err
}
