package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// serveOngoing serves requests of which all go on, with a certificate that lives as long as given.
func serveOngoing(t *testing.T, o *ongoing, lives time.Duration, api http.HandlerFunc) string {
	t.Helper()
	handler := o.wrap(api, func(*http.Request, *request.RequestInfo) bool { return true })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		certificate := &x509.Certificate{NotAfter: time.Now().Add(lives)}
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
		ctx := request.WithRequestInfo(r.Context(), &request.RequestInfo{Verb: "watch", Path: r.URL.Path})
		ctx = request.WithUser(ctx, &user.DefaultInfo{Name: r.Header.Get("User")})
		handler.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// start sends a request and returns its connection, of which the first byte of the answer has been read.
func start(t *testing.T, address, caller string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: x\r\nUser: "+caller+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func hasEnded(t *testing.T, conn net.Conn, within time.Duration) bool {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, conn)
	return err == nil
}

// watches writes something and goes on until its context ends.
func watches(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// execs takes the connection over and looks at nothing but that.
func execs(w http.ResponseWriter, r *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	io.WriteString(conn, "x")
	io.Copy(io.Discard, conn)
}

func TestWhatGoesOnEndsAlsoWhenItsClientReadsNothing(t *testing.T) {
	o, ended := newOngoing(), make(chan struct{})
	address := serveOngoing(t, o, time.Hour, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		for chunk := make([]byte, 1<<20); r.Context().Err() == nil; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	start(t, address, "tenant")
	time.Sleep(100 * time.Millisecond) // until nothing more is taken
	rights := &allowing{}
	rights.denied.Store("tenant")
	o.ask(t.Context(), rights)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for its client")
	}
}

// slowWriter takes its time over a deadline.
type slowWriter struct {
	http.ResponseWriter
	entered, release chan struct{}
}

func (w slowWriter) SetWriteDeadline(time.Time) error {
	close(w.entered)
	<-w.release
	return nil
}

func TestNobodyTouchesTheWriterOfAHandlerThatHasReturned(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	w := slowWriter{entered: make(chan struct{}), release: make(chan struct{})}
	served, returned := giveUpOnDone(ctx, w), make(chan struct{})
	end()
	<-w.entered
	go func() { served(); close(returned) }()
	select {
	case <-returned:
		t.Fatal("the handler returns while its writer is in use")
	case <-time.After(100 * time.Millisecond):
	}
	close(w.release)
	<-returned
	giveUpOnDone(t.Context(), w)() // a request that ends by itself waits for nothing
}

func TestWhatGoesOnEndsWithItsCertificate(t *testing.T) {
	for name, api := range map[string]http.HandlerFunc{"a watch": watches, "an exec": execs} {
		t.Run(name, func(t *testing.T) {
			address := serveOngoing(t, newOngoing(), 300*time.Millisecond, api)
			if !hasEnded(t, start(t, address, "u"), 10*time.Second) {
				t.Error("it goes on")
			}
		})
	}
}

// allowing allows everybody until somebody is named.
type allowing struct{ denied atomic.Value }

func (a *allowing) Authorize(_ context.Context, request authorizer.Attributes) (authorizer.Decision, string, error) {
	if request.GetUser().GetName() == a.denied.Load() {
		return authorizer.DecisionNoOpinion, "", nil
	}
	return authorizer.DecisionAllow, "", nil
}

func TestWhatGoesOnEndsWithTheRightToItAndNobodyElsesDoes(t *testing.T) {
	for name, api := range map[string]http.HandlerFunc{"a watch": watches, "an exec": execs} {
		t.Run(name, func(t *testing.T) {
			o, rights := newOngoing(), &allowing{}
			address := serveOngoing(t, o, time.Hour, api)
			one, other := start(t, address, "one"), start(t, address, "other")
			o.ask(t.Context(), rights)
			if hasEnded(t, one, 50*time.Millisecond) {
				t.Fatal("it ended though it is allowed")
			}
			rights.denied.Store("one")
			o.ask(t.Context(), rights)
			if !hasEnded(t, one, 10*time.Second) {
				t.Error("it goes on")
			}
			if hasEnded(t, other, 50*time.Millisecond) {
				t.Error("another's ended too")
			}
		})
	}
}

func TestExecThroughAWebsocketIsACreationToo(t *testing.T) {
	verbs := func(subresource string) (verbs []string) {
		for _, question := range questions(&authorizer.AttributesRecord{Verb: "get", Subresource: subresource}) {
			verbs = append(verbs, question.GetVerb())
		}
		return verbs
	}
	for _, subresource := range []string{"exec", "attach", "portforward"} {
		if asked := verbs(subresource); !slices.Equal(asked, []string{"get", "create"}) {
			t.Errorf("%s: asked %v", subresource, asked)
		}
	}
	if asked := verbs("log"); !slices.Equal(asked, []string{"get"}) {
		t.Errorf("log: asked %v", asked)
	}
}

func TestWhatHasEndedIsForgotten(t *testing.T) {
	o := newOngoing()
	address := serveOngoing(t, o, time.Hour, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	hasEnded(t, start(t, address, "u"), 10*time.Second)
	if all := o.all(); len(all) > 0 {
		t.Errorf("%d requests are remembered", len(all))
	}
}
