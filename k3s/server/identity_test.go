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

func TestNobodyOutsideActsAsSomebodyElse(t *testing.T) {
	h := refuseImpersonation(http.HandlerFunc(accept), serverConfig)
	ask := func(who user.Info, headers ...string) int {
		r := from(who, "GET", "/api/v1/pods", 0)
		for _, name := range headers {
			r.Header.Set(name, "x")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	enclave := &user.DefaultInfo{Name: "system:admin", Groups: []string{user.SystemPrivilegedGroup}}
	for _, header := range []string{"Impersonate-User", "impersonate-group", "Impersonate-Uid", "Impersonate-Extra-Daasvader.io%2forder"} {
		for _, who := range []user.Info{&user.DefaultInfo{Name: "sui:a"}, kubelet("w1"), nil} {
			if code := ask(who, header); code != http.StatusForbidden {
				t.Errorf("%v with %s: %d", who, header, code)
			}
		}
		if code := ask(enclave, header); code != http.StatusOK {
			t.Errorf("the enclave with %s: %d", header, code)
		}
	}
	if code := ask(&user.DefaultInfo{Name: "sui:a"}); code != http.StatusOK {
		t.Errorf("a user as himself: %d", code)
	}
}
