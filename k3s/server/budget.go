package server

import (
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"daasvader/k3s/wire"
)

// allowance is what one identity may do. Rates are per second; a burst is what has been saved up at most.
type allowance struct {
	requests rate.Limit
	burst    int
	// written are bytes, each counted when it comes in and again in the object that results: a small patch of a large
	// object writes all of it.
	written      rate.Limit
	writtenBurst int
	// running are requests at once, watching those that go on, such as watches: who has too many of these, or is made
	// to have them, still gets answers.
	running, watching int
	body              int64
	// identities are how many of the class are kept in mind.
	identities int
}

func (a allowance) atOnce(goesOn bool) int {
	if goesOn {
		return a.watching
	}
	return a.running
}

// allowances of those who are bounded; the control plane is not.
//
// A node of 110 pods: its kubelet limits itself to 50 requests/s and 100 at once, our agent adds a few.
// It watches each ConfigMap and Secret of its pods by itself, three a pod (330), and some twenty lists. Starting all
// pods at once writes four statuses of 4 KiB each, twice counted (3.5 MiB), and 550 events. In rest it renews a lease
// every 10 s and its status every 5 min: below 1 KiB/s. The lease is paid for by itself: what pods make their kubelet
// watch and write, by naming many Secrets or by being ready every other second, must not make the node look dead.
//
// A user's kubectl asks some 60 times at its start, for discovery. Then it writes Secrets, and tries out what is to be
// ordered: an object of 1 MiB in JSON, where a byte may need six, is as large as the API server takes at all.
//
// A joining kubelet creates one signing request and watches it. Outsiders ask for health.
var allowances = map[class]allowance{
	node:      {requests: 60, burst: 600, written: 64 << 10, writtenBurst: 8 << 20, running: 100, watching: 600, body: 128 << 10, identities: 4096},
	heartbeat: {requests: 2, burst: 20, written: 1 << 10, writtenBurst: 32 << 10, running: 10, body: 4 << 10, identities: 4096},
	member:    {requests: 20, burst: 200, written: 64 << 10, writtenBurst: 8 << 20, running: 100, watching: 100, body: 3 << 20, identities: 16384},
	joiner:    {requests: 5, burst: 50, written: 1 << 10, writtenBurst: 64 << 10, running: 10, watching: 10, body: 16 << 10, identities: 4096},
	outsider:  {requests: 5, burst: 20, written: 1 << 10, writtenBurst: 32 << 10, running: 10, watching: 10, body: 16 << 10, identities: 4096},
}

// creations bounds, per identity, what is made in numbers. Events live for eventTTL: 500 + 600 of 4 KiB at most are
// 4.3 MiB a node. A kubelet asks for two certificates at its start, and again once a day. Of a WireGuard key and of a
// report of its network, each of which its peers are told of, a node makes a few at its start, and when its network changes.
// Its agent opens the network's stream again 5 s after it has ended, at the soonest; each begins with all that there is.
var creations = map[string]struct {
	each  rate.Limit
	burst int
}{
	"events":                     {each: 1, burst: 500},
	"certificatesigningrequests": {each: 1. / 60, burst: 6},
	wire.NetworkPath:             {each: 1. / 3, burst: 20},
	wire.NetworkKeyPath:          {each: 1. / 60, burst: 10},
	wire.NetworkReportPath:       {each: 1. / 5, burst: 20},
}

// Dry runs cost as much as writes until something would be stored, and a good deal of them is arithmetic of policies.
// Each command of a person makes a few; a chart of 100 objects is installed without waiting.
const (
	trials      = 5 // per second
	trialsBurst = 100
)

// budget holds what each identity has left.
type budget struct {
	accounts *accounts
}

func newBudget() *budget { return &budget{accounts: newAccounts(allowances)} }

// wrap lets a request pass when its caller can pay for it, and answers 429 or 413 otherwise.
func (b *budget) wrap(next http.Handler, c *genericapiserver.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := callerOf(r)
		if caller.class == controlPlane {
			next.ServeHTTP(w, r)
			return
		}
		info, err := c.RequestInfoResolver.NewRequestInfo(r)
		if err != nil {
			refuse(w, r, c, errors.NewBadRequest(err.Error()))
			return
		}
		goesOn := c.LongRunningFunc(r, info)
		account, err := b.enter(payerOf(caller, info), r, info, goesOn)
		if err != nil {
			refuse(w, r, c, err)
			return
		}
		defer account.leave(goesOn)
		r.Body = http.MaxBytesReader(w, r.Body, account.allowance.body)
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, r *http.Request, c *genericapiserver.Config, why error) {
	responsewriters.ErrorNegotiated(why, c.Serializer, schema.GroupVersion{Version: "v1"}, w, r)
}

// payerOf is whose budget a caller's request is charged to.
func payerOf(caller identity, info *request.RequestInfo) identity {
	if caller.class == node && info.Resource == "leases" && info.Namespace == corev1.NamespaceNodeLease {
		return identity{heartbeat, caller.name}
	}
	return caller
}

func (b *budget) enter(payer identity, r *http.Request, info *request.RequestInfo, goesOn bool) (*account, error) {
	limit := allowances[payer.class].body
	bytes := r.ContentLength
	if bytes > limit {
		return nil, errors.NewRequestEntityTooLargeError(fmt.Sprintf("%d bytes are more than the %d that you may send at once", bytes, limit))
	}
	if bytes < 0 { // unknown: it pays for the most that it may be
		bytes = limit
	}
	account := b.accounts.of(payer)
	if account == nil {
		return nil, errors.NewTooManyRequests("too many callers; try again later", 10)
	}
	if reason := account.enter(bytes, createdBy(info, r), goesOn); reason != "" {
		return nil, errors.NewTooManyRequests(reason, 1)
	}
	return account, nil
}

// createdBy is the resource that a request may make another one of; empty when none. Events are also made by the verbs
// that change one, when there is none to change.
func createdBy(info *request.RequestInfo, r *http.Request) string {
	if networkPaths[r.URL.Path] {
		return r.URL.Path
	}
	if !info.IsResourceRequest || info.Subresource != "" {
		return ""
	}
	switch {
	case info.Verb == "create", info.Verb == "update", isApply(r):
		return info.Resource
	}
	return ""
}

// isApply says whether a patch makes what it does not find. It reads the type as Kubernetes does.
func isApply(r *http.Request) bool {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return r.Method == http.MethodPatch && (kind == string(types.ApplyYAMLPatchType) || kind == string(types.ApplyCBORPatchType))
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

// mayTry takes a dry run from its caller's budget; false if there is none left.
func (b *budget) mayTry(who user.Info) bool {
	account := b.accounts.of(identityOfUser(who))
	return account != nil && account.trials.AllowN(b.accounts.now(), 1)
}
