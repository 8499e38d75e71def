package agent

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"daasvader/k3s/isolation"
	"daasvader/k3s/wire"
)

const (
	// nodeVariable tells a process of this test which node it is.
	nodeVariable = "K3S_TEST_NODE"
	testDNS      = "10.80.0.10"
	serverPort   = 9000
)

// outer is the network of a node, in which .1 is the router and .2 the node.
func outer(node, last int) string { return fmt.Sprintf("172.30.%d.%d", node, last) }

// inner is an address in a node's range; .1 is the node's own, .2 its only pod's.
func inner(node, last int) string { return fmt.Sprintf("10.64.%d.%d", node, last) }

// Two nodes are a process each, with a network of its own, beyond a router that is the control plane as well.
func TestPodsOfTwoNodesReachEachOther(t *testing.T) {
	if os.Getenv(nodeVariable) != "" {
		beNode(t, int(os.Getenv(nodeVariable)[0]-'0'))
		return
	}
	if !inOwnNetwork(t) {
		return
	}
	mustDo(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
	server := &networkServer{keys: map[int]wire.WireGuardKey{}, changed: make(chan struct{})}
	server.Server = &http.Server{Addr: fmt.Sprintf(":%d", serverPort), Handler: server}
	go server.ListenAndServe()
	defer server.Close()
	first, _ := startTestNode(t, 1)
	second, said := startTestNode(t, 2)
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	mustDo(t, first.Process.Kill())
	_ = first.Wait() // it was killed
	t.Log(said)
	if !strings.Contains(said.String(), "--- PASS") {
		t.Error("the second node has not tried everything")
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startTestNode starts the process of a node and links it to the router.
func startTestNode(t *testing.T, node int) (*exec.Cmd, *strings.Builder) {
	t.Helper()
	said := &strings.Builder{}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPodsOfTwoNodesReachEachOther$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", nodeVariable, node))
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // the parent's death is, to the kernel, that of the thread which started the process
	mustDo(t, cmd.Start())
	name := fmt.Sprintf("node%d", node)
	mustDo(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsPid(cmd.Process.Pid),
	}))
	mustDo(t, setAddress(name, outer(node, 1)+"/24"))
	return cmd, said
}

func setAddress(link, address string) error {
	found, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	parsed, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(found, parsed); err != nil {
		return err
	}
	return netlink.LinkSetUp(found)
}

// networkServer knows two nodes, one pod on each, and a Service of the first one's.
type networkServer struct {
	*http.Server
	mu      sync.Mutex
	keys    map[int]wire.WireGuardKey
	changed chan struct{}
}

func (s *networkServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	node := int(netip.MustParseAddrPort(r.RemoteAddr).Addr().As4()[2])
	switch r.URL.Path {
	case wire.NetworkPath:
		s.stream(w, r, node)
	case wire.NetworkKeyPath:
		var proof wire.KeyProof
		if err := json.NewDecoder(r.Body).Decode(&proof); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keys[node] = proof.Key
		close(s.changed)
		s.changed = make(chan struct{})
	case "/leave":
		go s.Close()
	}
}

func (s *networkServer) stream(w http.ResponseWriter, r *http.Request, node int) {
	challenge, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for version := 1; ; version++ {
		s.mu.Lock()
		line, changed := s.network(node, wire.WireGuardKey(challenge.PublicKey().Bytes())), s.changed
		s.mu.Unlock()
		line.Version = fmt.Sprint(version)
		if json.NewEncoder(w).Encode(everything(line)) != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (s *networkServer) network(node int, challenge wire.WireGuardKey) wire.Network {
	other := 3 - node
	n := wire.Network{
		Self:       wire.Self{Range: netip.MustParsePrefix(inner(node, 0) + "/24"), Key: s.keys[node], Challenge: challenge},
		Peers:      map[string]wire.Peer{},
		Namespaces: map[string]wire.Namespace{"team-a": {Owner: "0xa"}},
		Pods: map[string]wire.Pod{
			inner(1, 2): {Namespace: "team-a", Name: "one", Node: "worker-1"}, inner(2, 2): {Namespace: "team-a", Name: "two", Node: "worker-2"},
		},
		Services:       map[string]corev1.Service{"team-a/web": proxiedService("web", "10.80.0.9")},
		EndpointSlices: map[string]discoveryv1.EndpointSlice{"team-a/web-1": sliceOf("web", inner(1, 2))},
	}
	if key := s.keys[other]; !key.IsZero() {
		n.Peers[fmt.Sprintf("worker-%d", other)] = wire.Peer{
			Key: key, Address: netip.MustParseAddr(inner(other, 1)), Range: netip.MustParsePrefix(inner(other, 0) + "/24"),
			Endpoints: []netip.AddrPort{netip.MustParseAddrPort(outer(other, 2) + ":51820")},
		}
	}
	return n
}

// beNode is what the process of a node does: the first one's pod serves, the second one's asks.
func beNode(t *testing.T, number int) {
	waitFor(t, "the link to the router", func() error { return setAddress("eth0", outer(number, 2)+"/24") })
	mustDo(t, setUp("lo"))
	mustDo(t, netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(outer(number, 1))}))
	o := testOptions(t)
	o.NodeName, o.NodeIP, o.OverlayPort = fmt.Sprintf("worker-%d", number), outer(number, 2), defaultOverlayPort
	o.Server = fmt.Sprintf("http://%s:%d", outer(number, 1), serverPort)
	mustDo(t, os.MkdirAll(o.cniConfDir(), 0o700))
	mustDo(t, isolation.Close(t.Context()))
	started := time.Now()
	stop := startTestNetwork(t, o)
	isReady := time.Since(started)
	pod := addTestPod(t, o, "test")
	if number == 1 {
		servePod(t, pod)
		select {} // until it is killed
	}
	reach := func(what, url string) {
		waitFor(t, what, func() error {
			answer, err := askFromPod(pod, url)
			if err == nil && answer != "one" {
				err = fmt.Errorf("it answers %q", answer)
			}
			return err
		})
	}
	reach("the other node's pod", "http://"+inner(1, 2)+":8080")
	t.Logf("The CNI configuration was there after %s, the first answer over the overlay after %s", isReady, time.Since(started))
	reach("it by its Service's address", "http://10.80.0.9")
	reach("it by its Service's name", "http://web.team-a.svc.cluster.local")
	waitFor(t, "metrics", func() error {
		answer, err := http.Get("http://" + metricsAddress + "/metrics")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && !strings.Contains(string(text), "daasvader_network_lines_total") {
			err = fmt.Errorf("they are %s", text)
		}
		return err
	})
	waitFor(t, "the file", func() error { _, err := os.Stat(o.path("network.json")); return err })
	time.Sleep(networkFilePause) // the peer is in it too

	// Without its server, the next agent goes on with what this one knew.
	stop()
	if answer, err := http.Get(o.Server + "/leave"); err == nil {
		answer.Body.Close()
	}
	startTestNetwork(t, o)
	reach("the other node's pod again, by its Service's name", "http://web.team-a.svc.cluster.local")
}

// startTestNetwork starts the parts of an agent that are its network.
func startTestNetwork(t *testing.T, o *Options) (stop func()) {
	t.Helper()
	n, err := newNode(o)
	mustDo(t, err)
	n.client = &client{server: o.Server, http: http.DefaultClient}
	ctx, cancel := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	part := func(name string, run func(context.Context) error) {
		group.Go(func() error { return ended(name, ctx, run(ctx)) })
	}
	part("network", func(ctx context.Context) error { return n.network.run(ctx, n.client) })
	part("network's file", n.network.keep)
	if err := n.startNetwork(ctx, part, testDNS); err != nil {
		t.Fatalf("%v, %v", err, context.Cause(ctx))
	}
	return func() {
		cancel()
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// addTestPod has the CNI plugin link a pod as containerd would.
func addTestPod(t *testing.T, o *Options, name string) netns.NsHandle {
	t.Helper()
	made := make(chan netns.NsHandle)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := netns.New()
		if err != nil {
			t.Error(err)
		}
		made <- ns
	}()
	ns := <-made
	var list struct {
		CNIVersion string           `json:"cniVersion"`
		Name       string           `json:"name"`
		Plugins    []map[string]any `json:"plugins"`
	}
	text, err := os.ReadFile(filepath.Join(o.cniConfDir(), "10-k3s.conflist"))
	mustDo(t, err)
	mustDo(t, json.Unmarshal(text, &list))
	list.Plugins[0]["cniVersion"], list.Plugins[0]["name"] = list.CNIVersion, list.Name
	config, err := json.Marshal(list.Plugins[0])
	mustDo(t, err)
	cmd := exec.Command("/usr/lib/cni/ptp")
	cmd.Env = append(os.Environ(), "CNI_COMMAND=ADD", "CNI_CONTAINERID="+name, "CNI_IFNAME=eth0", "CNI_PATH=/usr/lib/cni",
		fmt.Sprintf("CNI_NETNS=/proc/%d/fd/%d", os.Getpid(), int(ns)))
	cmd.Stdin = strings.NewReader(string(config))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return ns
}

// inNamespace runs f on a thread that is in a namespace.
func inNamespace(ns netns.NsHandle, f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(ns); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

// servePod answers "one" in a pod.
func servePod(t *testing.T, pod netns.NsHandle) {
	t.Helper()
	mustDo(t, inNamespace(pod, func() error {
		listener, err := net.Listen("tcp", ":8080")
		if err != nil {
			return err
		}
		go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "one") }))
		return nil
	}))
}

// askFromPod asks for a URL as a program in a pod does.
func askFromPod(pod netns.NsHandle, url string) (answer string, err error) {
	dial := func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = inNamespace(pod, func() error {
			conn, err = (&net.Dialer{Timeout: 2 * time.Second, FallbackDelay: -1}).DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, testDNS+":53")
	}}
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			found, err := resolver.LookupNetIP(ctx, "ip4", host)
			if err != nil {
				return nil, err
			}
			return dial(ctx, network, net.JoinHostPort(found[0].String(), port))
		},
	}}
	response, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func waitFor(t *testing.T, what string, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

func setUp(link string) error {
	found, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(found)
}
