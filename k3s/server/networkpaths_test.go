package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// onlyReads is an authorizer for whom everybody may read all kinds, and nothing else.
type onlyReads struct{ allowsAll }

func (o onlyReads) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if !a.IsResourceRequest() || !a.IsReadOnly() {
		return authorizer.DecisionNoOpinion, "", nil
	}
	return o.allowsAll.Authorize(ctx, a)
}

func (o onlyReads) ConditionsAwareAuthorize(ctx context.Context, a authorizer.Attributes) authorizer.ConditionsAwareDecision {
	return authorizer.ConditionsAwareDecisionFromParts(o.Authorize(ctx, a))
}

// pathServer has node w3 pass what is in front of Kubernetes's handlers, which are reached with 418.
func pathServer(t *testing.T) http.Handler {
	t.Helper()
	n, err := networkOf(fake.NewClientset(twoWorkers()...), netip.MustParsePrefix("10.64.0.0/12"), netip.MustParsePrefix("10.96.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	go n.run(t.Context())
	for !n.views.IsKnown() {
		time.Sleep(time.Millisecond)
	}
	f := &front{fence: newFence()}
	f.fence.set(nil)
	f.network.Store(n)
	who := &user.DefaultInfo{Name: nodeUserPrefix + "w3", Groups: []string{user.NodesGroup}}
	kubernetes := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	kubernetes = filters.WithAuthorization(kubernetes, narrow{onlyReads{}}, legacyscheme.Codecs)
	kubernetes = filters.WithRequestInfo(kubernetes, resolver)
	charged := f.wrapCharged(kubernetes, serverConfig)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := answer{response: &authenticator.Response{User: who}, ok: true}
		ctx := context.WithValue(r.Context(), answerKey{}, known)
		charged.ServeHTTP(w, r.WithContext(request.WithUser(ctx, who)))
	})
}

func TestANodeGetsNoServicesByAnotherWritingOfTheirPath(t *testing.T) {
	server := httptest.NewServer(pathServer(t))
	t.Cleanup(server.Close)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path string) (code int, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var list corev1.ServiceList
		if json.NewDecoder(response.Body).Decode(&list) == nil && list.Kind == "ServiceList" {
			for _, service := range list.Items {
				body += service.Namespace + "/" + service.Name + " "
			}
		}
		return response.StatusCode, strings.TrimSpace(body)
	}
	for _, path := range []string{servicesPath, "/api/v1/%73ervices", "/api/v1%2Fservices", "/%61pi/v1/services", servicesPath + "?limit=1", servicesPath + "?watch=false"} {
		if code, told := ask(http.MethodGet, path); code != http.StatusOK || told != apiService() {
			t.Errorf("%s: %d, told of %q", path, code, told)
		}
	}
	for _, path := range []string{
		"/api/v1/services/", "//api/v1/services", "/api//v1/services", "/api/v1//services", "/api/v1/./services", "/api/v1/x/../services",
		"/x/../api/v1/services", "/api/v1/services%2F", "/api/v1/services%00", "/api/v1/services;x", "/api/v1/services%3Fwatch=1",
		"/API/v1/services", "/api/v1/Services", "/api/v1/watch/services", "/api/v1/watch/namespaces/tools/services",
		"/api/v1/watch/namespaces/tools/services/web", "/api/v1/namespaces/tools/services", "/api/v1/namespaces/tools/services/",
		"/api/v1/namespaces/tools/services/web", "/api/v1/namespaces/tools/services/web/status", "/api/v1/services/web",
		"/api/v1/services?labelSelector=app", "/api/v1/services?fieldSelector=metadata.namespace%3Dtools",
		"/api/v1/services?fieldSelector=spec.clusterIP%21%3DNone,metadata.name%3Dweb", "/api/v1/proxy/namespaces/tools/services/web",
		"/api/v1/namespaces/tools/services/web/proxy/", "/apis/v1/services", "/apis/core/v1/services", "/apis//v1/services",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, query := range []string{"", "watch=1&timeoutSeconds=1"} {
				whole := path
				if query != "" {
					whole += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + query
				}
				if code, told := ask(method, whole); code < 400 || code == http.StatusTeapot || told != "" {
					t.Errorf("%s %s: %d, told of %q", method, whole, code, told)
				}
			}
		}
	}
	for _, method := range []string{http.MethodHead, "get", "Get", http.MethodOptions} {
		if code, _ := ask(method, servicesPath); code < 400 || code == http.StatusTeapot {
			t.Errorf("%s: %d", method, code)
		}
	}
}

func apiService() string { return corev1.NamespaceDefault + "/kubernetes" }
