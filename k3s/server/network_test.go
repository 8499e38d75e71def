package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"daasvader/k3s/wire"
)

// networkServer serves what front does of networks, to whoever the request says that it is from.
type networkServer struct {
	*httptest.Server
	t       *testing.T
	network *network
	client  kubernetes.Interface
}

func serveNetworkOf(t *testing.T, objects ...runtime.Object) *networkServer {
	t.Helper()
	client := fake.NewClientset(objects...)
	n, err := networkOf(client, netip.MustParsePrefix("10.64.0.0/12"), netip.MustParsePrefix("10.96.0.0/16"))
	if err != nil {
		t.Fatal(err)
	}
	go n.run(t.Context())
	for !n.views.IsKnown() {
		time.Sleep(time.Millisecond)
	}
	f := &front{fence: newFence()}
	f.fence.set(nil)
	f.fence.tell(n.views.Revoke)
	f.network.Store(n)
	charged := f.wrapCharged(http.NotFoundHandler(), nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := &user.DefaultInfo{Name: r.Header.Get("From")}
		known := answer{response: &authenticator.Response{User: who}, ok: true}
		charged.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), answerKey{}, known)))
	}))
	t.Cleanup(server.CloseClientConnections)
	return &networkServer{server, t, n, client}
}

func (s *networkServer) do(method, path, node string, body any) *http.Response {
	s.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, bytes.NewReader(content))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("From", nodeUserPrefix+node)
	response, err := s.Client().Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { response.Body.Close() })
	return response
}

func (s *networkServer) post(path, node string, body any) int {
	s.t.Helper()
	return s.do(http.MethodPost, path, node, body).StatusCode
}

// stream is a node's network as it hears of it.
type stream struct {
	t       *testing.T
	lines   *bufio.Scanner
	network wire.Network
}

func (s *networkServer) stream(node, version string) *stream {
	s.t.Helper()
	response := s.do(http.MethodGet, wire.NetworkPath+"?version="+version, node, nil)
	if response.StatusCode != http.StatusOK {
		s.t.Fatalf("%s got %d", node, response.StatusCode)
	}
	return &stream{t: s.t, lines: bufio.NewScanner(response.Body)}
}

func (s *stream) next() (wire.NetworkUpdate, bool) {
	var update wire.NetworkUpdate
	if !s.lines.Scan() {
		return update, false
	}
	if err := json.Unmarshal(s.lines.Bytes(), &update); err != nil {
		s.t.Fatal(err)
	}
	s.network = s.network.Apply(update)
	return update, true
}

// until reads on until what is known is as it should be.
func (s *stream) until(is func(wire.Network) bool) {
	s.t.Helper()
	for !is(s.network) {
		if _, goesOn := s.next(); !goesOn {
			s.t.Fatalf("the stream ended with %+v", s.network)
		}
	}
}

func worker(name, podCIDR string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: podCIDR}}
}

func runningPod(node, namespace, name, address string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address},
	}
}

func namespaceNamed(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func apiServiceObject() *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "kubernetes"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.1"},
	}
}

// twoWorkers are two nodes that share a namespace, and one with nothing.
func twoWorkers() []runtime.Object {
	return []runtime.Object{
		worker("w1", "10.64.1.0/24"), worker("w2", "10.64.2.0/24"), worker("w3", "10.64.3.0/24"),
		namespaceNamed("default"), namespaceNamed("tools"), apiServiceObject(),
		runningPod("w1", "tools", "a", "10.64.1.2"), runningPod("w2", "tools", "b", "10.64.2.2"),
	}
}

// keyFor is a new key of a node, with its proof.
func keyFor(t *testing.T, challenge wire.WireGuardKey, node string) wire.KeyProof {
	t.Helper()
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return proofFor(t, private, challenge, node)
}

func proofFor(t *testing.T, private *ecdh.PrivateKey, challenge wire.WireGuardKey, node string) wire.KeyProof {
	t.Helper()
	key := wire.WireGuardKey(private.PublicKey().Bytes())
	proof, err := wire.ProveKey(private, challenge, key, node)
	if err != nil {
		t.Fatal(err)
	}
	return wire.KeyProof{Key: key, Proof: proof}
}

func TestNodesWithProvenKeysSeeEachOther(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	one, two := s.stream("w1", ""), s.stream("w2", "")
	one.until(func(n wire.Network) bool { return len(n.Pods) == 2 && len(n.Peers) == 0 })
	two.next()
	key := keyFor(t, two.network.Self.Challenge, "w2")
	if code := s.post(wire.NetworkKeyPath, "w2", key); code != http.StatusNoContent {
		t.Fatalf("the key was answered %d", code)
	}
	one.until(func(n wire.Network) bool { return n.Peers["w2"].Key == key.Key })
	two.until(func(n wire.Network) bool { return n.Self.Key == key.Key })
	endpoints := []netip.AddrPort{netip.MustParseAddrPort("25.0.0.2:51820")}
	if code := s.post(wire.NetworkReportPath, "w2", wire.NetworkReport{Endpoints: endpoints}); code != http.StatusNoContent {
		t.Fatalf("the report was answered %d", code)
	}
	one.until(func(n wire.Network) bool { return slices.Equal(n.Peers["w2"].Endpoints, endpoints) })
	rotated := keyFor(t, two.network.Self.Challenge, "w2")
	if code := s.post(wire.NetworkKeyPath, "w2", rotated); code != http.StatusNoContent {
		t.Fatalf("the next key was answered %d", code)
	}
	one.until(func(n wire.Network) bool { return n.Peers["w2"].Key == rotated.Key })
}

func TestAKeyIsTakenWithAGoodProofOnly(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	one := s.stream("w1", "")
	one.next()
	challenge := one.network.Self.Challenge
	private, _ := ecdh.X25519().GenerateKey(rand.Reader)
	good := proofFor(t, private, challenge, "w2")
	other, _ := ecdh.X25519().GenerateKey(rand.Reader)
	highBit, longer := good, good
	highBit.Key[31] |= 0x80
	longer.Proof = append(slices.Clone(good.Proof), 0)
	for what, sent := range map[string]struct {
		node  string
		proof wire.KeyProof
		want  int
	}{
		"replayed by another node":            {"w1", good, http.StatusForbidden},
		"for another challenge":               {"w2", proofFor(t, private, wire.WireGuardKey(other.PublicKey().Bytes()), "w2"), http.StatusForbidden},
		"of another key":                      {"w2", wire.KeyProof{Key: wire.WireGuardKey(other.PublicKey().Bytes()), Proof: good.Proof}, http.StatusForbidden},
		"none":                                {"w2", wire.KeyProof{Key: good.Key}, http.StatusForbidden},
		"with more at its end":                {"w2", longer, http.StatusForbidden},
		"for the same key in another writing": {"w2", highBit, http.StatusForbidden},
		"of the zero key":                     {"w2", wire.KeyProof{Proof: good.Proof}, http.StatusForbidden},
		"larger than any":                     {"w2", wire.KeyProof{Key: good.Key, Proof: make([]byte, 64<<10)}, http.StatusBadRequest},
		"of a node that is not there":         {"w9", proofFor(t, private, challenge, "w9"), http.StatusServiceUnavailable},
	} {
		if code := s.post(wire.NetworkKeyPath, sent.node, sent.proof); code != sent.want {
			t.Errorf("a proof %s got %d, want %d", what, code, sent.want)
		}
	}
}

func TestAKeyIsOneNodesOnly(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	one := s.stream("w1", "")
	one.next()
	challenge := one.network.Self.Challenge
	private, _ := ecdh.X25519().GenerateKey(rand.Reader)
	claim := func(node string) int { return s.post(wire.NetworkKeyPath, node, proofFor(t, private, challenge, node)) }
	if first, again, second := claim("w1"), claim("w1"), claim("w2"); first != 204 || again != 204 || second != 409 {
		t.Errorf("the owner got %d and %d, another %d", first, again, second)
	}
	one.until(func(n wire.Network) bool { return !n.Self.Key.IsZero() })
	if code := s.post(wire.NetworkKeyPath, "w1", keyFor(t, challenge, "w1")); code != 204 {
		t.Fatalf("the next key got %d", code)
	}
	if code := claim("w2"); code != http.StatusConflict {
		t.Errorf("the key that rests got %d", code)
	}
	if err := s.client.CoreV1().Nodes().Delete(t.Context(), "w1", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	one.until(func(n wire.Network) bool { return n.Self.Key.IsZero() })
	if code := claim("w2"); code != http.StatusConflict {
		t.Errorf("the key of a node that left got %d", code)
	}
}

func TestReportsAreBounded(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	many := func(count int) (endpoints []netip.AddrPort) {
		for port := range count {
			endpoints = append(endpoints, netip.AddrPortFrom(netip.MustParseAddr("25.0.0.2"), uint16(port+1)))
		}
		return endpoints
	}
	reports := map[string]struct {
		report any
		want   int
	}{
		"8 endpoints": {wire.NetworkReport{Endpoints: many(8)}, http.StatusNoContent},
		"9 endpoints": {wire.NetworkReport{Endpoints: many(9)}, http.StatusBadRequest},
		"a huge one":  {map[string]string{"reached": strings.Repeat("x", 1<<20)}, http.StatusBadRequest},
		"strangers":   {wire.NetworkReport{Reached: []string{"w3", "nobody", ""}, Failed: []string{"w3"}}, http.StatusNoContent},
	}
	for _, endpoint := range []string{
		"127.0.0.1:1", "0.0.0.0:1", "169.254.169.254:80", "224.0.0.1:1", "255.255.255.255:1", "240.0.0.1:1", "0.1.2.3:1", "25.0.0.1:0",
		"10.64.1.2:51820", "10.96.0.1:443", "[2001:db8::1]:1", "[::ffff:25.0.0.1]:1",
	} {
		reports[endpoint] = struct {
			report any
			want   int
		}{wire.NetworkReport{Endpoints: []netip.AddrPort{netip.MustParseAddrPort(endpoint)}}, http.StatusBadRequest}
	}
	for what, sent := range reports {
		if code := s.post(wire.NetworkReportPath, "w2", sent.report); code != sent.want {
			t.Errorf("%s got %d, want %d", what, code, sent.want)
		}
	}
}

func TestAStreamIsResumedWithWhatHasChanged(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	first := s.stream("w1", "")
	first.until(func(n wire.Network) bool { return len(n.Pods) == 2 })
	if err := s.client.CoreV1().Pods("tools").Delete(t.Context(), "b", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	version := first.network.Version
	first.until(func(n wire.Network) bool { return len(n.Pods) == 1 })
	resumed, _ := s.stream("w1", version).next()
	if resumed.Reset || !slices.Equal(resumed.Pods.Delete, []string{"10.64.2.2"}) || resumed.Self != nil || resumed.Version != first.network.Version {
		t.Errorf("the stream is resumed with %+v", resumed)
	}
	for _, version := range []string{"", "0", "1", "x", "99999999999999999999"} {
		if update, _ := s.stream("w2", version).next(); !update.Reset || update.Self == nil {
			t.Errorf("version %q is answered %+v", version, update)
		}
	}
	if same, _ := s.stream("w1", first.network.Version).next(); same.Reset || len(same.Pods.Set) > 0 || same.Self != nil {
		t.Errorf("who knows all is told %+v", same)
	}
}

func TestOnlyNodesHaveANetworkAndTwoStreamsOfIt(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	request, _ := http.NewRequest(http.MethodGet, s.URL+wire.NetworkPath, nil)
	request.Header.Set("From", "sui:0x1")
	if response, err := s.Client().Do(request); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a user got %v, %v", response, err)
	}
	if code := s.post(wire.NetworkPath, "w1", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("POST got %d", code)
	}
	oldest := s.stream("w1", "")
	s.stream("w1", "").next()
	oldest.next()
	s.stream("w1", "").next()
	for goesOn := true; goesOn; {
		_, goesOn = oldest.next()
	}
}

func TestARevokedNodeLeavesTheViewsOfOthers(t *testing.T) {
	s := serveNetworkOf(t, twoWorkers()...)
	one := s.stream("w1", "")
	one.until(func(n wire.Network) bool { return len(n.Pods) == 2 })
	s.network.views.Revoke(map[string]bool{"w2": true})
	one.until(func(n wire.Network) bool { return len(n.Pods) == 1 })
}

// watchOf reads a kubelet's watch of Services; each line is "type key", with the version that it gets to.
func (s *networkServer) watchOf(query string) func() (line, version string) {
	response := s.do(http.MethodGet, servicesPath+"?watch=1"+query, "w1", nil)
	if response.StatusCode != http.StatusOK {
		content, _ := io.ReadAll(response.Body)
		s.t.Fatalf("the watch was answered %d: %s", response.StatusCode, content)
	}
	lines := json.NewDecoder(response.Body)
	return func() (string, string) {
		var event struct {
			Type   string
			Object corev1.Service
		}
		if err := lines.Decode(&event); err != nil {
			s.t.Fatal(err)
		}
		if event.Object.Kind != "Service" {
			s.t.Errorf("an event is of %q", event.Object.Kind)
		}
		initial := event.Object.Annotations[metav1.InitialEventsAnnotationKey]
		return strings.TrimSpace(fmt.Sprintf("%s %s/%s %s", event.Type, event.Object.Namespace, event.Object.Name, initial)), event.Object.ResourceVersion
	}
}

func TestAKubeletReadsTheServicesThatItsNodeKnows(t *testing.T) {
	hidden := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "hidden", Name: "x"}}
	tenants := namespaceNamed("hidden")
	tenants.Labels = map[string]string{"daasvader.io/managed": "true"}
	s := serveNetworkOf(t, append(twoWorkers(), hidden, tenants)...)
	var list corev1.ServiceList
	if err := json.NewDecoder(s.do(http.MethodGet, servicesPath, "w3", nil).Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 1 || list.Items[0].Name != "kubernetes" || list.ResourceVersion == "" || list.Kind != "ServiceList" {
		t.Errorf("the list is %+v", list)
	}
	watch := s.watchOf("&fieldSelector=spec.clusterIP%21%3DNone&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
	wants := func(want string) (version string) {
		t.Helper()
		line, version := watch()
		if line != want {
			t.Fatalf("told %q, want %q", line, want)
		}
		return version
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "tools", Name: "web"}, Spec: corev1.ServiceSpec{ClusterIP: "10.96.0.5"}}
	wants("ADDED default/kubernetes")
	wants("BOOKMARK / true")
	headless := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "tools", Name: "heads"}, Spec: corev1.ServiceSpec{ClusterIP: corev1.ClusterIPNone}}
	for _, made := range []*corev1.Service{headless, service} {
		if _, err := s.client.CoreV1().Services("tools").Create(t.Context(), made, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	added := wants("ADDED tools/web")
	service.Spec.ClusterIP = "10.96.0.6"
	if _, err := s.client.CoreV1().Services("tools").Update(t.Context(), service, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	wants("MODIFIED tools/web")
	if err := s.client.CoreV1().Services("tools").Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	wants("DELETED tools/web")
	watch = s.watchOf("&resourceVersion=" + added)
	wants("DELETED tools/web")
}

// TestLinesAreReadAsTheyWereMeant sends views through JSON.
func TestLinesAreReadAsTheyWereMeant(t *testing.T) {
	update := wire.NetworkUpdate{
		Version: "1",
		Peers:   wire.Changes[wire.Peer]{Set: map[string]wire.Peer{"w2": {Address: netip.MustParseAddr("10.64.2.1")}}},
		Self:    &wire.Self{},
	}
	content, err := json.Marshal(update)
	if err != nil {
		t.Fatal(err)
	}
	var read wire.NetworkUpdate
	if err := json.Unmarshal(content, &read); err != nil {
		t.Fatalf("%s: %v", content, err)
	}
	if read.Self.Range.IsValid() || read.Peers.Set["w2"].Range.IsValid() {
		t.Errorf("%s is read as %+v", content, read)
	}
}
