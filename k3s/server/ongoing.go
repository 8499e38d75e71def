package server

import (
	"context"
	"net/http"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/klog/v2"
)

// askAgain is how long a request that goes on may outlive the right to make it.
const askAgain = 2 * time.Second

// ongoing are the requests that go on, such as watches, followed logs and execs. Kubernetes asks once, at their
// beginning, whether the caller may. Here each ends with the certificate that it came with, and as soon as its caller,
// the impersonated one if there is one, may not make it any more.
type ongoing struct {
	mu       sync.Mutex
	requests map[*ongoingRequest]struct{}
}

type ongoingRequest struct {
	// asked is what the caller had to be allowed.
	asked []authorizer.Attributes
	end   context.CancelFunc
}

func newOngoing() *ongoing {
	return &ongoing{requests: map[*ongoingRequest]struct{}{}}
}

// wrap stands behind Kubernetes's authentication, impersonation and authorization.
func (o *ongoing) wrap(next http.Handler, goesOn request.LongRunningRequestCheck) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		info, known := request.RequestInfoFrom(r.Context())
		if known && !goesOn(r, info) {
			next.ServeHTTP(w, r)
			return
		}
		attributes, err := filters.GetAuthorizerAttributes(r.Context())
		if err != nil {
			http.Error(w, "Cannot serve: "+err.Error(), http.StatusInternalServerError)
			return
		}
		ctx, end := whileCertified(r)
		defer end()
		mine := &ongoingRequest{asked: questions(attributes), end: end}
		o.add(mine)
		defer o.remove(mine)
		defer giveUpOnDone(ctx, w)()
		next.ServeHTTP(closeOnDone(ctx, w), r.WithContext(ctx))
	})
}

func (o *ongoing) add(r *ongoingRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.requests[r] = struct{}{}
}

func (o *ongoing) remove(r *ongoingRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.requests, r)
}

func (o *ongoing) all() []*ongoingRequest {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := make([]*ongoingRequest, 0, len(o.requests))
	for r := range o.requests {
		all = append(all, r)
	}
	return all
}

// keepAsking asks again, until the context ends, whether what goes on is still allowed.
func (o *ongoing) keepAsking(ctx context.Context, may authorizer.UnconditionalAuthorizer) error {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			o.ask(ctx, may)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (o *ongoing) ask(ctx context.Context, may authorizer.UnconditionalAuthorizer) {
	for _, r := range o.all() {
		for _, question := range r.asked {
			decision, reason, err := may.Authorize(ctx, question)
			if decision == authorizer.DecisionAllow || ctx.Err() != nil {
				continue
			}
			klog.InfoS("Ending a request whose caller may not make it any more", "user", question.GetUser().GetName(),
				"verb", question.GetVerb(), "path", question.GetPath(), "reason", reason, "err", err)
			r.end()
		}
	}
}

// questions are what Kubernetes asks before it lets a request pass: whoever enters a pod through a websocket, which
// begins with a GET, must be allowed to create that too.
func questions(a authorizer.Attributes) []authorizer.Attributes {
	switch a.GetSubresource() {
	case "exec", "attach", "portforward":
		return []authorizer.Attributes{a, asCreation{a}}
	default:
		return []authorizer.Attributes{a}
	}
}

type asCreation struct{ authorizer.Attributes }

func (asCreation) GetVerb() string { return "create" }

// whileCertified is the request's context until the client certificate that it came with expires.
func whileCertified(r *http.Request) (context.Context, context.CancelFunc) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return context.WithCancel(r.Context())
	}
	return context.WithDeadline(r.Context(), r.TLS.PeerCertificates[0].NotAfter)
}
