package agent

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestRequestsShareNoConnectionThatMayBeDead(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	o := testOptions(t)
	o.Server = server.URL
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"+
		"clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %q}}]\nusers: [{name: u, user: {}}]\n",
		server.URL, base64.StdEncoding.EncodeToString(ca))
	mustDo(t, os.WriteFile(o.nodeKubeconfig(), []byte(text), 0o600))
	c, err := newClient(o)
	mustDo(t, err)
	answer, err := c.open(t.Context(), http.MethodGet, "/", nil)
	mustDo(t, err)
	defer answer.Close()
	if protocol, err := io.ReadAll(answer); err != nil || string(protocol) != "HTTP/1.1" {
		t.Errorf("asked in %s, error %v", protocol, err)
	}
}
