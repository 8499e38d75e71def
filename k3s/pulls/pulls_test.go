package pulls

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/net/http/httpproxy"
)

// The machine is 192.168.7.2, and 25.1.1.2 in a network of public addresses. Its router has registries at all of these.
const (
	public, private, neighbour, own = "8.8.4.4", "192.168.7.1", "25.1.1.1", "25.1.1.2"
)

var router netns.NsHandle

// TestMain runs the tests as a machine of their own: in a network namespace, linked to a router's.
func TestMain(m *testing.M) {
	if os.Getenv("PULLS_TEST") == "" {
		cmd := exec.Command(os.Args[0], os.Args[1:]...)
		cmd.Env = append(os.Environ(), "PULLS_TEST=1")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "Cannot run as a machine of its own (this test needs root), or it failed:", err)
			os.Exit(1)
		}
		return
	}
	if err := makeNetwork(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func makeNetwork() (err error) {
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		router, err = netns.New()
		made <- err
	}()
	if err := <-made; err != nil {
		return err
	}
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth1", PeerNamespace: netlink.NsFd(router)}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	return errors.Join(
		ip("link set lo up"), ip("link set eth0 up"), ip("addr add 192.168.7.2/24 dev eth0"), ip("addr add "+own+"/30 dev eth0"),
		ip("route add default via "+private),
		inRouter(func() error {
			return errors.Join(ip("link set lo up"), ip("link set eth1 up"), ip("addr add "+private+"/24 dev eth1"),
				ip("addr add "+neighbour+"/30 dev eth1"), ip("addr add "+public+"/32 dev lo"), ip("addr add 169.254.169.254/32 dev lo"))
		}),
	)
}

func ip(args string) error {
	if output, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, output)
	}
	return nil
}

func inRouter(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := netns.Set(router); err != nil {
			result <- err
			return
		}
		result <- f()
	}()
	return <-result
}

// registry serves all of the router's addresses on one port, by TLS or without.
func registry(t *testing.T, isTLS bool, handler http.HandlerFunc) (port string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	if err := inRouter(func() (err error) {
		server.Listener, err = net.Listen("tcp", ":0")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if isTLS {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	_, port, _ = net.SplitHostPort(server.Listener.Addr().String())
	return port
}

func serveImage(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "an image") }

// names are what the machine's resolver knows.
var names = map[string][]string{
	"registry.test": {public}, "nas.lan": {private}, "mixed.test": {private, public}, "neighbour.test": {neighbour},
	"own.test": {own}, "loopback.test": {"127.0.0.1"}, "metadata.test": {"169.254.169.254"}, "mapped.test": {"::ffff:192.168.7.1"},
}

// newProxy starts one, and returns a client that knows of it what containerd's environment says.
func newProxy(t *testing.T) (p *Proxy, client *http.Client, mirrors string) {
	t.Helper()
	t.Setenv("no_proxy", "*")
	t.Setenv("NO_PROXY", "*")
	t.Setenv("https_proxy", "http://10.0.0.1:3128")
	mirrors = t.TempDir()
	p, err := Listen(mirrors)
	if err != nil {
		t.Fatal(err)
	}
	p.dialer.resolve = func(_ context.Context, _, host string) (addresses []netip.Addr, err error) {
		for _, text := range names[host] {
			addresses = append(addresses, netip.MustParseAddr(text))
		}
		if len(addresses) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: host != "broken.test"}
		}
		return addresses, nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
	})
	proxyFor := environment(p.Environment()).ProxyFunc()
	return p, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		Proxy:           func(r *http.Request) (*url.URL, error) { return proxyFor(r.URL) },
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
	}}, mirrors
}

// environment reads it as Go's clients do.
func environment(variables []string) *httpproxy.Config {
	values := map[string]string{}
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		values[name] = value
	}
	return &httpproxy.Config{
		HTTPProxy: values["HTTP_PROXY"] + values["http_proxy"], HTTPSProxy: values["HTTPS_PROXY"] + values["https_proxy"],
		NoProxy: values["NO_PROXY"] + values["no_proxy"],
	}
}

// get returns what is served, or what containerd would write into the pod's events.
func get(client *http.Client, url string) string {
	response, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return string(body)
}

func TestRegistriesOfThePublicInternetAreReachedAndNothingElse(t *testing.T) {
	_, client, _ := newProxy(t)
	for scheme, port := range map[string]string{"http": registry(t, false, serveImage), "https": registry(t, true, serveImage)} {
		for host, says := range map[string]string{
			public: "an image", "registry.test": "an image", "mixed.test": "an image",
			private: "not", "nas.lan": "not", neighbour: "not", "neighbour.test": "not", own: "not", "own.test": "not", "loopback.test": "not",
			"169.254.169.254": "not", "metadata.test": "not", "mapped.test": "not", "[::ffff:192.168.7.1]": "not", "0.0.0.0": "not",
			"nowhere.test": "not",
		} {
			if says == "not" {
				says = fmt.Sprintf("Cannot pull from %s:%s: it has no address on the public internet", host, port)
			}
			if got := get(client, scheme+"://"+host+":"+port+"/"); !strings.HasSuffix(got, says) {
				t.Errorf("%s of %s: %q, want %q", scheme, host, got, says)
			}
		}
	}
	for url, says := range map[string]string{
		"http://broken.test/":       "its name cannot be looked up at present",
		"https://broken.test/":      "its name cannot be looked up at present",
		"https://" + public + ":9/": "the server cannot be reached",
	} {
		if got := get(client, url); !strings.HasSuffix(got, says) {
			t.Errorf("%s: %q, want %q", url, got, says)
		}
	}
}

func TestRedirectsAndTokensRealmsLeadToNoPrivateAddress(t *testing.T) {
	_, client, _ := newProxy(t)
	secret := registry(t, false, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a secret of the provider's") })
	port := registry(t, true, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://nas.lan:%s/token",service="x"`, secret))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, fmt.Sprintf("http://%s:%s/", private, secret), http.StatusTemporaryRedirect)
	})
	if got := get(client, "https://registry.test:"+port+"/blob"); !strings.Contains(got, "Cannot pull from "+private) {
		t.Errorf("a redirect leads to %q", got)
	}
	response, err := client.Get("https://registry.test:" + port + "/v2/")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	_, realm, _ := strings.Cut(response.Header.Get("WWW-Authenticate"), `realm="`)
	realm, _, _ = strings.Cut(realm, `"`)
	if got := get(client, realm); !strings.Contains(got, "Cannot pull from nas.lan") {
		t.Errorf("a realm leads to %q", got)
	}
}

func TestMirrorsThatTheProviderNamedAreReachedAtTheirPort(t *testing.T) {
	_, client, mirrors := newProxy(t)
	plain, other := registry(t, false, serveImage), registry(t, false, serveImage)
	secure := registry(t, true, serveImage)
	folder := filepath.Join(mirrors, "registry.example.org")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	get1 := func() string { return get(client, "http://nas.lan:"+plain+"/") }
	if got := get1(); !strings.Contains(got, "Cannot pull") {
		t.Errorf("before it is named: %q", got)
	}
	text := fmt.Sprintf("server = \"https://nas.lan:%s\"\n[host.\"http://nas.lan:%s\"]\n  capabilities = [\"pull\"]\n", secure, plain)
	if err := os.WriteFile(filepath.Join(folder, "hosts.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for url, says := range map[string]string{
		"http://nas.lan:" + plain: "an image", "https://nas.lan:" + secure: "an image",
		"http://nas.lan:" + other: "it has no address on the public internet", "http://" + private + ":" + plain: "it has no address on the public internet",
	} {
		if got := get(client, url); !strings.HasSuffix(got, says) {
			t.Errorf("%s: %q, want %q", url, got, says)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "hosts.toml"), []byte("what is this"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := get1(); !strings.Contains(got, "Cannot pull") {
		t.Errorf("a file that cannot be read opens it: %q", got)
	}
}

func TestWhoDoesNotKnowThePasswordPullsNothing(t *testing.T) {
	p, _, _ := newProxy(t)
	port := registry(t, false, serveImage)
	for _, password := range []string{"", "wrong"} {
		proxy := &url.URL{Scheme: "http", Host: p.listener.Addr().String(), User: url.UserPassword(user, password)}
		client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DisableKeepAlives: true}}
		for _, scheme := range []string{"http", "https"} {
			if got := get(client, scheme+"://registry.test:"+port+"/"); !strings.Contains(got, "Proxy Authentication Required") {
				t.Errorf("%s with the password %q: %q", scheme, password, got)
			}
		}
	}
}

func TestConnectionsBeyondTheMostWait(t *testing.T) {
	p, client, _ := newProxy(t)
	port := registry(t, false, serveImage)
	var idle []net.Conn
	for range maxConnections {
		conn, err := net.Dial("tcp", p.listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		idle = append(idle, conn)
	}
	answer := make(chan string, 1)
	go func() { answer <- get(client, "http://registry.test:"+port+"/") }()
	select {
	case got := <-answer:
		t.Fatalf("answered beyond the most: %q", got)
	case <-time.After(200 * time.Millisecond):
	}
	idle[0].Close()
	if got := <-answer; got != "an image" {
		t.Errorf("got %q", got)
	}
}
