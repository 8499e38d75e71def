package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	genericapiserver "k8s.io/apiserver/pkg/server"
)

func TestRequestIsAuthenticatedOnceForBudgetAndKubernetes(t *testing.T) {
	asked := 0
	c := &genericapiserver.Config{}
	c.Authentication.Authenticator = authenticator.RequestFunc(func(r *http.Request) (*authenticator.Response, bool, error) {
		asked++
		return &authenticator.Response{User: &user.DefaultInfo{Name: r.Header.Get("Authorization")}}, true, nil
	})
	var caller identity
	var seen string
	h := identify(c)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		caller = callerOf(r)
		r.Header.Set("Authorization", "another") // what comes between cannot change who it is
		response, _, _ := c.Authentication.Authenticator.AuthenticateRequest(r)
		seen = response.User.GetName()
	}))
	r := httptest.NewRequest("GET", "/api", nil)
	r.Header.Set("Authorization", "system:node:w1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if asked != 1 || seen != "system:node:w1" || caller != (identity{node, "system:node:w1"}) {
		t.Errorf("asked %d times, the budget's caller is %v, Kubernetes's %q", asked, caller, seen)
	}
}

func TestWhoProvesNothingIsKnownByTheConnection(t *testing.T) {
	for name, a := range map[string]answer{
		"nothing proven": {},
		"anonymous":      {ok: true, response: &authenticator.Response{User: &user.DefaultInfo{Name: user.Anonymous}}},
	} {
		c := &genericapiserver.Config{}
		c.Authentication.Authenticator = authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
			return a.response, a.ok, a.err
		})
		var caller identity
		r := httptest.NewRequest("GET", "/livez", nil)
		r.RemoteAddr = "127.0.0.1:4711"
		identify(c)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { caller = callerOf(r) })).ServeHTTP(httptest.NewRecorder(), r)
		if caller != (identity{outsider, "127.0.0.1:4711"}) {
			t.Errorf("%s: %v", name, caller)
		}
	}
}
