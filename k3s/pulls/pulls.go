// Package pulls stands between containerd and the registries: images come from the public internet only, or from where
// the provider of the machine said.
package pulls

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/netutil"
	"k8s.io/klog/v2"
)

const (
	// Group is the supplementary group of the program that pulls, by which the packet filter knows it: Go's HTTP client asks
	// no proxy for what is on the loopback address, where a redirect may lead. It is "daas" in ASCII, and nobody's otherwise.
	Group = 0x64616173
	// Address is where the proxy listens; the only one on the loopback network that the program reaches.
	Address = "127.0.100.53"

	// maxConnections are open at once, of all pulls; more wait.
	maxConnections = 256
	maxHeaderBytes = 64 << 10
	headerTimeout  = 10 * time.Second
	// idleTimeout ends a connection that carries nothing, answerTimeout one whose server does not begin to answer.
	idleTimeout   = 2 * time.Minute
	answerTimeout = time.Minute
	user          = "containerd"
)

// Proxy is an HTTP proxy on the loopback address that reaches no private address.
type Proxy struct {
	dialer   dialer
	listener net.Listener
	password string
	plain    *httputil.ReverseProxy
}

// Listen opens the proxy. Folders of mirrors, in containerd's form, name the servers that may have private addresses.
func Listen(mirrors string) (*Proxy, error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(Address, "0"))
	if err != nil {
		return nil, fmt.Errorf("Cannot stand between containerd and registries: %w", err)
	}
	p := &Proxy{
		dialer: dialer{mirrors: mirrors, resolve: net.DefaultResolver.LookupNetIP}, password: rand.Text(),
		listener: netutil.LimitListener(listener, maxConnections),
	}
	p.plain = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.Host = r.In.URL.Host },
		Transport: &http.Transport{
			DialContext: p.dialer.dial, DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: answerTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { refuse(w, serverOf(r.URL), err) },
	}
	return p, nil
}

// Environment is that of a program which is to use the proxy: this one's, with the proxy, and none that was in it before.
func (p *Proxy) Environment() []string {
	environment := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(variable), "=")
		return strings.HasSuffix(name, "_PROXY")
	})
	proxy := url.URL{Scheme: "http", User: url.UserPassword(user, p.password), Host: p.listener.Addr().String()}
	return append(environment, "HTTP_PROXY="+proxy.String(), "HTTPS_PROXY="+proxy.String())
}

// Run serves until the context ends.
func (p *Proxy) Run(ctx context.Context) error {
	server := &http.Server{
		Handler: p, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("stand between containerd and registries: %w", err)
	}
	return context.Cause(ctx)
}

// ServeHTTP takes CONNECT for https, and whole requests for http.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.isAllowed(r) {
		http.Error(w, "containerd alone pulls through here", http.StatusProxyAuthRequired)
		return
	}
	switch {
	case r.Method == http.MethodConnect:
		p.connect(w, r)
	case r.URL.Scheme == "http" && r.URL.Host != "":
		p.plain.ServeHTTP(w, r)
	default:
		http.Error(w, "this is a proxy", http.StatusBadRequest)
	}
}

func (p *Proxy) isAllowed(r *http.Request) bool {
	wanted := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+p.password))
	return subtle.ConstantTimeCompare([]byte(r.Header.Get("Proxy-Authorization")), []byte(wanted)) == 1
}

// connect joins the program with a server, and reads nothing of what they say.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	server, err := p.dialer.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		refuse(w, r.Host, err)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "cannot be a tunnel", http.StatusInternalServerError)
		return
	}
	defer client.Close()
	if _, err := client.Write([]byte("HTTP/1.1 200 Connected\r\n\r\n")); err != nil {
		return
	}
	stop := context.AfterFunc(r.Context(), func() { client.Close(); server.Close() })
	defer stop()
	join(client, buffered, server)
}

// refuse answers in the status line, the only thing of a proxy's answer that Go's clients show: it ends in the pod's events.
// It says nothing of addresses: whoever reads it may ask for any name.
func refuse(w http.ResponseWriter, server string, err error) {
	status, reason := http.StatusBadGateway, "the server cannot be reached"
	switch {
	case errors.Is(err, errNotPublic):
		status, reason = http.StatusForbidden, errNotPublic.Error()
	case errors.Is(err, errNoAnswer):
		reason = errNoAnswer.Error()
	}
	klog.InfoS("Refused a connection for an image", "server", server, "reason", err)
	conn, _, hijackErr := http.NewResponseController(w).Hijack()
	if hijackErr != nil {
		http.Error(w, reason, status)
		return
	}
	defer conn.Close()
	conn.SetWriteDeadline(time.Now().Add(headerTimeout))
	fmt.Fprintf(conn, "HTTP/1.1 %d Cannot pull from %s: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		status, printable(server), reason)
}

// printable keeps what a host and a port are made of.
func printable(server string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, server[:min(len(server), 260)])
}
