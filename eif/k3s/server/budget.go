package server

import (
	"fmt"
	"net/http"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// allowance is what one identity may do. Rates are per second; a burst is what has been saved up at most.
type allowance struct {
	requests rate.Limit
	burst    int
	// written are bytes, each counted when it comes in and again in the object that results: a small patch of a large
	// object writes all of it.
	written      rate.Limit
	writtenBurst int
	// running are requests at once, watches among them.
	running int
	body    int64
	// identities are how many of the class are kept in mind.
	identities int
}

// allowances of those who are bounded; the control plane is not.
//
// A node of 110 pods: its kubelet limits itself to 50 requests/s and 100 at once, kube-proxy and our agent add a few.
// It watches each ConfigMap and Secret of its pods by itself, three a pod (330), and some twenty lists. Starting all
// pods at once writes four statuses of 4 KiB each, twice counted (3.5 MiB), and 550 events. In rest it renews a lease
// every 10 s and its status every 5 min: below 1 KiB/s.
//
// A user's kubectl asks some 60 times at its start, for discovery, and then writes Secrets, at most 256 KiB each.
//
// A joining kubelet creates one signing request and watches it. Outsiders ask for health.
var allowances = map[class]allowance{
	node:     {requests: 60, burst: 600, written: 64 << 10, writtenBurst: 8 << 20, running: 600, body: 128 << 10, identities: 4096},
	member:   {requests: 20, burst: 200, written: 32 << 10, writtenBurst: 4 << 20, running: 100, body: 512 << 10, identities: 16384},
	joiner:   {requests: 5, burst: 50, written: 1 << 10, writtenBurst: 64 << 10, running: 10, body: 16 << 10, identities: 4096},
	outsider: {requests: 5, burst: 20, written: 1 << 10, writtenBurst: 32 << 10, running: 10, body: 16 << 10, identities: 4096},
}

// creations bounds, per identity, what is made in numbers. Events live for eventTTL: 500 + 600 of 4 KiB at most are
// 4.3 MiB a node. A kubelet asks for two certificates at its start, and again once a day.
var creations = map[string]struct {
	each  rate.Limit
	burst int
}{
	"events":                     {each: 1, burst: 500},
	"certificatesigningrequests": {each: 1. / 60, burst: 6},
}

// budget holds what each identity has left.
type budget struct {
	accounts *accounts
}

func newBudget() *budget { return &budget{accounts: newAccounts(allowances)} }

// wrap lets a request pass when its caller can pay for it, and answers 429 or 413 otherwise.
func (b *budget) wrap(next http.Handler, resolver request.RequestInfoResolver, serializer runtime.NegotiatedSerializer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := callerOf(r)
		if caller.class == controlPlane {
			next.ServeHTTP(w, r)
			return
		}
		account, err := b.enter(caller, r, resolver)
		if err != nil {
			responsewriters.ErrorNegotiated(err, serializer, schema.GroupVersion{Version: "v1"}, w, r)
			return
		}
		defer account.leave()
		r.Body = http.MaxBytesReader(w, r.Body, allowances[caller.class].body)
		next.ServeHTTP(w, r)
	})
}

func (b *budget) enter(caller identity, r *http.Request, resolver request.RequestInfoResolver) (*account, error) {
	limit := allowances[caller.class].body
	bytes := r.ContentLength
	if bytes > limit {
		return nil, errors.NewRequestEntityTooLargeError(fmt.Sprintf("%d bytes are more than the %d that you may send at once", bytes, limit))
	}
	if bytes < 0 { // unknown: it pays for the most that it may be
		bytes = limit
	}
	info, err := resolver.NewRequestInfo(r)
	if err != nil {
		return nil, errors.NewBadRequest(err.Error())
	}
	account := b.accounts.of(caller)
	if account == nil {
		return nil, errors.NewTooManyRequests("too many callers; try again later", 10)
	}
	if reason := account.enter(bytes, createdBy(info)); reason != "" {
		return nil, errors.NewTooManyRequests(reason, 1)
	}
	return account, nil
}

// createdBy is the resource that a request makes another one of; empty when none.
func createdBy(info *request.RequestInfo) string {
	if !info.IsResourceRequest || info.Verb != "create" || info.Subresource != "" {
		return ""
	}
	return info.Resource
}

// charge takes what a write stores from the writer's budget, into debt if need be: the next write then waits.
func (b *budget) charge(who user.Info, bytes int) {
	caller := identityOfUser(who)
	if caller.class == controlPlane {
		return
	}
	if account := b.accounts.of(caller); account != nil {
		account.pay(bytes)
	}
}
