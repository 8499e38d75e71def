package server

import (
	"context"
	stderrors "errors"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapiserver "k8s.io/apiserver/pkg/server"

	own "daasvader/k3s/admission"
)

// class is what kind of caller somebody is; bounds are stated for each.
type class int

const (
	outsider     class = iota // without a credential, or with one that is not good
	joiner                    // with a bootstrap token
	member                    // a user or a service account
	node                      // a kubelet and our agent
	heartbeat                 // a kubelet that says that its node lives
	controlPlane              // the enclave, the controllers, the scheduler, the API server itself
)

// identity is whose budget a request is charged to.
type identity struct {
	class class
	name  string
}

// identityOf is who a request is from by what it proved. Whoever proved nothing is known by his connection alone:
// every client comes through the host's relay, so an address tells nobody apart.
func identityOf(who user.Info, r *http.Request) identity {
	if who == nil || who.GetName() == user.Anonymous {
		return identity{outsider, r.RemoteAddr}
	}
	return identityOfUser(who)
}

func identityOfUser(who user.Info) identity {
	name := who.GetName()
	switch {
	case own.IsControlPlane(who):
		return identity{controlPlane, name}
	case strings.HasPrefix(name, nodeUserPrefix):
		return identity{node, name}
	case strings.HasPrefix(name, "system:bootstrap:"):
		return identity{joiner, name}
	}
	return identity{member, name}
}

// answer is what an authenticator said of a request.
type answer struct {
	response *authenticator.Response
	ok       bool
	err      error
}

type answerKey struct{}

// identify authenticates each request in front of Kubernetes's handlers, which are then told the answer instead of
// asking again.
func identify(c *genericapiserver.Config) func(http.Handler) http.Handler {
	inner, audiences := c.Authentication.Authenticator, c.Authentication.APIAudiences
	c.Authentication.Authenticator = authenticator.RequestFunc(func(r *http.Request) (*authenticator.Response, bool, error) {
		if known, ok := r.Context().Value(answerKey{}).(answer); ok {
			return known.response, known.ok, known.err
		}
		return inner.AuthenticateRequest(r)
	})
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var a answer
			a.response, a.ok, a.err = inner.AuthenticateRequest(r.WithContext(authenticator.WithAudiences(r.Context(), audiences)))
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), answerKey{}, a)))
		})
	}
}

// callerOf is the identity of a request that identify has seen.
func callerOf(r *http.Request) identity {
	known, _ := r.Context().Value(answerKey{}).(answer)
	if known.err != nil || !known.ok {
		return identityOf(nil, r)
	}
	return identityOf(known.response.User, r)
}

// refuseImpersonation answers 403 to whoever outside the control plane wants to act as somebody else, whatever roles say:
// who is impersonated may be one who ordered.
func refuseImpersonation(next http.Handler, c *genericapiserver.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if impersonates(r) && callerOf(r).class != controlPlane {
			refuse(w, r, c, errors.NewForbidden(schema.GroupResource{Resource: "users"}, "", stderrors.New("you act as yourself only")))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func impersonates(r *http.Request) bool {
	for name := range r.Header {
		if strings.HasPrefix(name, "Impersonate-") {
			return true
		}
	}
	return false
}
