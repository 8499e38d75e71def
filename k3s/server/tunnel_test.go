package server

import (
	"net/http"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
)

func authenticated(name string, ok bool) authenticator.Request {
	return authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
		return &authenticator.Response{User: &user.DefaultInfo{Name: name}}, ok, nil
	})
}

func TestTunnelIsKeyedByTheNodeOfTheClientCertificate(t *testing.T) {
	node, err := nodeOf(authenticated("system:node:w1", true), requestOf("system:node:w1"))
	if err != nil || node != "w1" {
		t.Errorf("node %q, error %v", node, err)
	}
}

func TestTunnelIsRefusedToAnybodyElse(t *testing.T) {
	for name, test := range map[string]struct {
		auth    authenticator.Request
		request *http.Request
	}{
		"without a certificate":          {authenticated("system:node:w1", true), requestOf("")},
		"with an unknown certificate":    {authenticated("system:node:w1", false), requestOf("system:node:w1")},
		"with a user's certificate":      {authenticated("sui:0x1", true), requestOf("sui:0x1")},
		"with another user's name in it": {authenticated("admin", true), requestOf("system:node:w1")},
	} {
		if node, err := nodeOf(test.auth, test.request); err == nil {
			t.Errorf("%s: opened for %q", name, node)
		}
	}
}
