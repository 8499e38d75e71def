package server

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/filters"
	"k8s.io/kubernetes/pkg/api/legacyscheme"

	own "daasvader/k3s/admission"
	"daasvader/k3s/wire"
)

var resolver = &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

var serverConfig = &genericapiserver.Config{
	RequestInfoResolver: resolver,
	Serializer:          legacyscheme.Codecs,
	LongRunningFunc:     filters.BasicLongRunningRequestCheck(sets.NewString("watch"), sets.NewString("log", "exec", "attach", "portforward")),
}

// from is a request whose caller has been authenticated.
func from(who user.Info, method, path string, body int) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(strings.Repeat("x", body)))
	a := answer{response: &authenticator.Response{User: who}, ok: who != nil}
	return r.WithContext(context.WithValue(r.Context(), answerKey{}, a))
}

func kubelet(name string) user.Info {
	return &user.DefaultInfo{Name: "system:node:" + name, Groups: []string{user.NodesGroup}}
}

// guarded is a budget at a clock that stands still, in front of a handler that accepts all.
func guarded(now *time.Time, next http.HandlerFunc) http.Handler {
	b := newBudget()
	b.accounts.now = func() time.Time { return *now }
	return b.wrap(next, serverConfig)
}

func accept(http.ResponseWriter, *http.Request) {}

// served counts how many of some requests are let pass.
func served(h http.Handler, count int, request func(i int) *http.Request) (passed int, last int) {
	for i := range count {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(i))
		if last = w.Code; last == http.StatusOK {
			passed++
		}
	}
	return passed, last
}

func TestNodeThatFloodsWaitsAndAnotherGoesOn(t *testing.T) {
	now := time.Now()
	h := guarded(&now, accept)
	read := func(name string) func(int) *http.Request {
		return func(int) *http.Request { return from(kubelet(name), "GET", "/api/v1/nodes/"+name, 0) }
	}
	if passed, last := served(h, 1000, read("w1")); passed != 600 || last != http.StatusTooManyRequests {
		t.Errorf("%d of 1000 requests pass, then %d", passed, last)
	}
	if passed, _ := served(h, 100, read("w2")); passed != 100 {
		t.Errorf("of another node %d of 100 pass", passed)
	}
	now = now.Add(time.Second)
	if passed, _ := served(h, 100, read("w1")); passed != 60 {
		t.Errorf("after a second %d pass", passed)
	}
}

func TestEventsAndSigningRequestsOfANodeAreCounted(t *testing.T) {
	now := time.Now()
	h := guarded(&now, accept)
	for path, want := range map[string]int{
		"/api/v1/namespaces/default/events":                              500,
		"/apis/certificates.k8s.io/v1/certificatesigningrequests":        6,
		"/api/v1/namespaces/default/serviceaccounts/default/token":       600, // nothing is stored
		"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases": 20,  // a budget of its own
	} {
		passed, _ := served(h, 700, func(int) *http.Request { return from(kubelet(path), "POST", path, 100) })
		if passed != want {
			t.Errorf("%s: %d pass, want %d", path, passed, want)
		}
	}
}

func TestStreamsThatBeginWithEverythingAreCounted(t *testing.T) {
	now := time.Now()
	h := guarded(&now, accept)
	open := func(int) *http.Request { return from(kubelet("w1"), "GET", wire.NetworkPath, 0) }
	if passed, last := served(h, 300, open); passed != 20 || last != http.StatusTooManyRequests {
		t.Errorf("%d of 300 streams open at once, then %d", passed, last)
	}
	now = now.Add(5 * time.Second) // as an agent waits whose streams end again and again
	if passed, last := served(h, 1, open); passed != 1 {
		t.Errorf("an agent that waited gets %d", last)
	}
}

func TestEventsAreCountedWhateverVerbMakesThem(t *testing.T) {
	now := time.Now()
	for name, make := range map[string]func(r *http.Request){
		"PUT":   func(*http.Request) {},
		"PATCH": func(r *http.Request) { r.Header.Set("Content-Type", "application/apply-patch+yaml; a=1; a=2") },
	} {
		h := guarded(&now, accept)
		passed, _ := served(h, 600, func(i int) *http.Request {
			r := from(kubelet("w1"), name, fmt.Sprintf("/api/v1/namespaces/default/events/e%d", i), 100)
			make(r)
			return r
		})
		if passed != 500 {
			t.Errorf("%s: %d of 600 pass", name, passed)
		}
	}
	h := guarded(&now, accept)
	count := func(int) *http.Request {
		return from(kubelet("w1"), "PATCH", "/api/v1/namespaces/default/events/e", 100)
	}
	if passed, _ := served(h, 600, count); passed != 600 {
		t.Errorf("of 600 that count up an event %d pass", passed)
	}
}

func TestNodeLivesOnWhateverItsPodsMakeItsKubeletDo(t *testing.T) {
	now := time.Now()
	b := newBudget()
	b.accounts.now = func() time.Time { return now }
	entered := make(chan struct{})
	release := make(chan struct{})
	defer close(release)
	h := b.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") != "" {
			entered <- struct{}{}
			<-release
		}
	}), serverConfig)
	watch := func() *http.Request { return from(kubelet("w1"), "GET", "/api/v1/namespaces/x/secrets?watch=true", 0) }
	for range allowances[node].watching {
		go h.ServeHTTP(httptest.NewRecorder(), watch())
		<-entered
		now = now.Add(time.Second)
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, watch()); w.Code != http.StatusTooManyRequests {
		t.Errorf("one watch more gets %d", w.Code)
	}
	if passed, last := served(h, 5, func(int) *http.Request { return from(kubelet("w1"), "PATCH", "/api/v1/nodes/w1/status", 1<<10) }); passed != 5 {
		t.Errorf("beside many watches a status gets %d", last)
	}
	for range 200 { // statuses of pods that are ready every other second
		b.charge(kubelet("w1"), 64<<10)
	}
	lease := func(int) *http.Request {
		return from(kubelet("w1"), "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/w1", 500)
	}
	if passed, last := served(h, 5, lease); passed != 5 {
		t.Errorf("a node in debt that renews its lease gets %d", last)
	}
	if passed, _ := served(h, 100, lease); passed > allowances[heartbeat].burst {
		t.Errorf("%d leases at once pass", passed)
	}
}

func TestWhatIsWrittenIsPaidForAlsoWhenThePatchIsSmall(t *testing.T) {
	b := newBudget()
	h := b.wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b.charge(kubelet("w1"), 64<<10) // as the admission plugin does
	}), serverConfig)
	passed, _ := served(h, 500, func(int) *http.Request { return from(kubelet("w1"), "PATCH", "/api/v1/nodes/w1/status", 100) })
	if passed < 128 || passed > 140 { // 8 MiB of 64 KiB each, and what comes in meanwhile
		t.Errorf("%d small patches of a large object pass", passed)
	}
}

func TestBodyBeyondTheLimitIsRefusedOrCutOff(t *testing.T) {
	now := time.Now()
	read := 0
	h := guarded(&now, func(w http.ResponseWriter, r *http.Request) {
		buffer := make([]byte, 1<<20)
		for {
			n, err := r.Body.Read(buffer)
			read += n
			if err != nil {
				return
			}
		}
	})
	if _, code := served(h, 1, func(int) *http.Request { return from(kubelet("w1"), "POST", "/api/v1/events", 200<<10) }); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a body that says it is too large gets %d", code)
	}
	served(h, 1, func(int) *http.Request {
		r := from(kubelet("w1"), "POST", "/api/v1/events", 200<<10)
		r.ContentLength = -1
		return r
	})
	if read != 128<<10 {
		t.Errorf("of a body that says nothing %d bytes are read", read)
	}
}

func TestRequestsThatRunAtOnceAreBounded(t *testing.T) {
	now := time.Now()
	release := make(chan struct{})
	entered := make(chan struct{})
	h := guarded(&now, func(http.ResponseWriter, *http.Request) { entered <- struct{}{}; <-release })
	who := &user.DefaultInfo{Name: "sui:0x1"}
	watch := func() *http.Request { return from(who, "GET", "/api/v1/pods?watch=true", 0) }
	for range 100 {
		go h.ServeHTTP(httptest.NewRecorder(), watch())
		<-entered
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, watch())
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("the 101st watch gets %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	close(release)
}

func TestControlPlaneIsNotBounded(t *testing.T) {
	now := time.Now()
	h := guarded(&now, accept)
	for _, who := range []*user.DefaultInfo{
		{Name: "system:admin", Groups: []string{user.SystemPrivilegedGroup}},
		{Name: user.APIServerUser},
		{Name: user.KubeControllerManager},
		{Name: user.KubeScheduler},
		{Name: "system:serviceaccount:kube-system:replicaset-controller"},
	} {
		passed, _ := served(h, 2000, func(int) *http.Request { return from(who, "POST", "/api/v1/namespaces/x/events", 1<<10) })
		if passed != 2000 {
			t.Errorf("of %s %d of 2000 pass", who.Name, passed)
		}
	}
	if own.IsControlPlane(&user.DefaultInfo{Name: "system:serviceaccount:kube-system-x:default"}) {
		t.Error("a namespace that begins like ours is taken for it")
	}
}

func TestOutsidersHaveABudgetForEachConnectionAndPushOutNobody(t *testing.T) {
	now := time.Now()
	h := guarded(&now, accept)
	served(h, 10_000, func(i int) *http.Request {
		r := from(nil, "GET", "/livez", 0)
		r.RemoteAddr = fmt.Sprintf("127.0.0.1:%d", i)
		return r
	})
	if passed, _ := served(h, 100, func(int) *http.Request { return from(kubelet("w1"), "GET", "/api/v1/nodes", 0) }); passed != 100 {
		t.Errorf("while outsiders flood %d of 100 requests of a node pass", passed)
	}
	now = now.Add(10 * time.Second) // those of before are forgotten
	passed, _ := served(h, 100, func(int) *http.Request {
		r := from(nil, "GET", "/livez", 0)
		r.RemoteAddr = "127.0.0.1:new"
		return r
	})
	if passed != 20 {
		t.Errorf("of one connection %d of 100 pass", passed)
	}
}

func TestCallerIsWhoAuthenticatedWhateverItImpersonates(t *testing.T) {
	r := from(&user.DefaultInfo{Name: "system:admin", Groups: []string{user.SystemPrivilegedGroup}}, "GET", "/api/v1/pods", 0)
	r.Header.Set("Impersonate-User", "system:node:w1")
	if caller := callerOf(r); caller != (identity{controlPlane, "system:admin"}) {
		t.Errorf("the caller is %v", caller)
	}
}

func TestDryRunsHaveABudgetOfTheirOwn(t *testing.T) {
	now := time.Now()
	b := newBudget()
	b.accounts.now = func() time.Time { return now }
	passed := func(name string) (count int) {
		for range 500 {
			if b.mayTry(&user.DefaultInfo{Name: name}) {
				count++
			}
		}
		return count
	}
	if got := passed("sui:a"); got != trialsBurst {
		t.Errorf("%d pass at once", got)
	}
	if got := passed("sui:b"); got != trialsBurst {
		t.Errorf("%d of another pass", got)
	}
	now = now.Add(2 * time.Second)
	if got := passed("sui:a"); got != 2*trials {
		t.Errorf("%d pass two seconds later", got)
	}
}
