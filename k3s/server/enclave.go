package server

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"k8s.io/klog/v2"
)

const (
	// answerPath is where the enclave tells users, by the certificate that they show here, what became of an order.
	answerPath = "/api/v1/orders/answer"
	// userHeader tells the enclave whose certificate it was.
	userHeader = "X-Daasvader-User"
)

type userKey struct{}

// enclavePaths are answered by the enclave process also on the API server's port, whoever asks.
var enclavePaths = map[string]bool{
	"/api/v1/attestation":     true,
	"/api/v1/register-worker": true,
	"/api/v1/staking/status":  true,
}

// enclaveProxy forwards requests to the enclave process, which listens on a Unix socket.
func enclaveProxy(socket string) http.Handler {
	target := &url.URL{Scheme: "http", Host: "enclave"}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			// The path that was looked up, not the text that it was written as: the enclave decodes nothing.
			r.Out.URL.Path, r.Out.URL.RawPath = r.In.URL.Path, ""
			r.Out.Host = r.In.Host
			r.SetXForwarded()
			// Every client comes through the host's relay: its connection is all that tells it from others.
			r.Out.Header.Set("X-Daasvader-Connection", r.In.RemoteAddr)
			r.Out.Header.Del(userHeader)
			if user, isKnown := r.In.Context().Value(userKey{}).(string); isKnown {
				r.Out.Header.Set(userHeader, user)
			}
		},
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", socket)
			},
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			klog.ErrorS(err, "Cannot forward request to the enclave process")
			http.Error(w, "Cannot reach the enclave process", http.StatusBadGateway)
		},
	}
}
