package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"daasvader/k3s/wire"
)

const (
	testNode  = "worker-1"
	testRange = "10.64.1.0/24"
)

func testOptions(t *testing.T) *Options {
	t.Helper()
	o := &Options{NodeName: testNode, NodeIP: "192.0.2.1", DataDir: t.TempDir(), ranges: ranges{
		cluster: netip.MustParsePrefix("10.64.0.0/12"), service: netip.MustParsePrefix("10.80.0.0/12"),
	}}
	if err := os.MkdirAll(o.path(), 0o700); err != nil {
		t.Fatal(err)
	}
	return o
}

// whole is a line that holds everything: the node itself and one pod of its own.
func whole(version string) string {
	return fmt.Sprintf(`{"version":%q,"reset":true,"self":{"range":%q,"key":"%s","challenge":"%s"},`+
		`"namespaces":{"set":{"team-a":{"owner":"0xa"}}},"pods":{"set":{"10.64.1.2":{"namespace":"team-a","name":"one","node":"worker-1"}}}}`,
		version, testRange, key(1), key(2))
}

func key(first byte) wire.WireGuardKey { return wire.WireGuardKey{first} }

// stream is a server of networks: each connection gets what its function writes.
type stream struct {
	*client
	asked chan string // versions
}

func newStream(t *testing.T, connections ...func(write func(string), gone <-chan struct{})) stream {
	t.Helper()
	asked := make(chan string, 100)
	next := make(chan func(func(string), <-chan struct{}), len(connections))
	for _, connection := range connections {
		next <- connection
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.Query().Get("version")
		select {
		case serve := <-next:
			serve(func(line string) {
				fmt.Fprintln(w, line)
				w.(http.Flusher).Flush()
			}, r.Context().Done())
		default:
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	return stream{&client{server: server.URL, http: server.Client()}, asked}
}

// says writes lines and stays.
func says(lines ...string) func(func(string), <-chan struct{}) {
	return func(write func(string), gone <-chan struct{}) {
		for _, line := range lines {
			write(line)
		}
		<-gone
	}
}

// saysAndHangsUp writes lines and ends.
func saysAndHangsUp(lines ...string) func(func(string), <-chan struct{}) {
	return func(write func(string), _ <-chan struct{}) {
		for _, line := range lines {
			write(line)
		}
	}
}

// started runs a network until the test ends.
func started(t *testing.T, o *Options, s stream) (*network, <-chan error) {
	t.Helper()
	n := openNetwork(o)
	return n, startedNetwork(t, n, s)
}

func startedNetwork(t *testing.T, n *network, s stream) <-chan error {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		ended <- n.run(ctx, s.client)
	}()
	t.Cleanup(func() { cancel(); <-finished })
	return ended
}

// until waits for a network of which something holds.
func until(t *testing.T, n *network, holds func(wire.Network) bool) wire.Network {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		now, changed := n.newest()
		if holds(now) {
			return now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("the network is %+v", now)
		}
	}
}

func isVersion(version string) func(wire.Network) bool {
	return func(n wire.Network) bool { return n.Version == version }
}

func TestNetworkFollowsTheServer(t *testing.T) {
	s := newStream(t, says(whole("1"),
		`{"version":"1"}`,
		`{"version":"2","pods":{"set":{"10.64.2.9":{"namespace":"team-a","name":"two","node":"worker-2"}},"delete":["10.64.1.2"]}}`))
	n, _ := started(t, testOptions(t), s)
	now := until(t, n, isVersion("2"))
	if len(now.Pods) != 1 || now.Pods["10.64.2.9"].Name != "two" || now.Self.Range.String() != testRange || now.Namespaces["team-a"].Owner != "0xa" {
		t.Errorf("the network is %+v", now)
	}
	if version := <-s.asked; version != "" {
		t.Errorf("asked first for what follows %q", version)
	}
}

func TestNetworkIsResumedWhereItWas(t *testing.T) {
	s := newStream(t, saysAndHangsUp(whole("1")), says(`{"version":"2","pods":{"delete":["10.64.1.2"]}}`))
	n, _ := started(t, testOptions(t), s)
	if now := until(t, n, isVersion("2")); len(now.Pods) != 0 || len(now.Namespaces) != 1 {
		t.Errorf("the network is %+v", now)
	}
	if first, second := <-s.asked, <-s.asked; first != "" || second != "1" {
		t.Errorf("asked for what follows %q, then %q", first, second)
	}
}

func TestWhatCannotBeLeavesTheNetworkAsItWas(t *testing.T) {
	for name, line := range map[string]string{
		"broken JSON":                           `{"version":"2","pods":`,
		"something else":                        `[]`,
		"no version":                            `{"pods":{"delete":["10.64.1.2"]}}`,
		"a change under the version before":     `{"version":"1","pods":{"delete":["10.64.1.2"]}}`,
		"a range that is none of pods":          `{"version":"2","self":{"range":"10.96.1.0/24","key":"` + key(1).String() + `","challenge":"` + key(2).String() + `"}}`,
		"a range that is the whole cluster":     `{"version":"2","reset":true,"self":{"range":"10.64.0.0/12","key":"` + key(1).String() + `","challenge":"` + key(2).String() + `"}}`,
		"no range any more":                     `{"version":"2","reset":true,"self":{"range":"","key":"` + key(1).String() + `","challenge":"` + key(2).String() + `"}}`,
		"a key that is none":                    `{"version":"2","self":{"range":"10.64.1.0/24","key":"AAAA","challenge":""}}`,
		"a line that is longer than one may be": `{"version":"` + strings.Repeat("2", wire.MaxNetworkLine) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream(t, says(whole("1"), line), says(`{"version":"3","pods":{}}`), says(whole("4")))
			n, _ := started(t, testOptions(t), s)
			before := until(t, n, isVersion("1"))
			for _, wanted := range []string{"", "", ""} { // everything is asked anew, and the answer must have it
				if version := <-s.asked; version != wanted {
					t.Errorf("asked for what follows %q", version)
				}
				if now, _ := n.newest(); len(now.Pods) != len(before.Pods) {
					t.Errorf("the network became %+v", now)
				}
			}
			until(t, n, isVersion("4"))
			if n.stats.refusedLines.Load() == 0 {
				t.Error("no refused line was counted")
			}
		})
	}
}

func TestSilentServerIsAskedAnew(t *testing.T) {
	s := newStream(t, says(whole("1")), says(`{"version":"2"}`))
	n := openNetwork(testOptions(t))
	n.silence = 100 * time.Millisecond
	startedNetwork(t, n, s)
	until(t, n, isVersion("2"))
}

func TestServerThatRefusesIsAskedAgain(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			http.Error(w, "not fresh", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, whole("1"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	n, _ := started(t, testOptions(t), stream{client: &client{server: server.URL, http: server.Client()}})
	until(t, n, isVersion("1"))
}

func TestNodeThatGetsAnotherRangeBeginsAnew(t *testing.T) {
	o := testOptions(t)
	n := openNetwork(o)
	if err := n.take([]byte(whole("1"))); err != nil {
		t.Fatal(err)
	}
	now, _ := n.newest()
	if err := n.writeFile(now); err != nil {
		t.Fatal(err)
	}
	s := newStream(t, says(strings.ReplaceAll(whole("2"), testRange, "10.64.7.0/24")))
	if err := <-startedNetwork(t, n, s); !errors.Is(err, errOtherRange) {
		t.Errorf("it ended with %v", err)
	}
	if now, _ := openNetwork(o).newest(); now.Version != "" {
		t.Errorf("the next agent begins with %+v", now)
	}
}

func TestNextAgentBeginsWithWhatWasKnown(t *testing.T) {
	o := testOptions(t)
	s := newStream(t, says(whole("1")))
	n, _ := started(t, o, s)
	before := until(t, n, isVersion("1"))
	if err := n.writeFile(before); err != nil {
		t.Fatal(err)
	}
	next := openNetwork(o)
	if now, err := next.known(t.Context()); err != nil || len(now.Pods) != 1 || now.Self.Range != before.Self.Range {
		t.Errorf("the next agent begins with %+v, error %v", now, err)
	}
	again := newStream(t, says(`{"version":"2"}`))
	startedNetwork(t, next, again)
	if version := <-again.asked; version != "1" {
		t.Errorf("the next agent asks for what follows %q", version)
	}
}

func TestKeptNetworkIsCheckedAsTheServersIs(t *testing.T) {
	for name, text := range map[string]string{
		"of another cluster": strings.ReplaceAll(whole("1"), "10.64.", "10.42."),
		"cut off":            whole("1")[:40],
		"empty":              "",
	} {
		o := testOptions(t)
		if err := os.WriteFile(filepath.Join(o.path(), "network.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if now, _ := openNetwork(o).newest(); now.Version != "" || now.Self.Range.IsValid() {
			t.Errorf("%s: the network is %+v", name, now)
		}
	}
}

func TestNetworkOfLessThanItsLinesIsAskedAnew(t *testing.T) {
	n := openNetwork(testOptions(t))
	if err := n.take([]byte(whole("1"))); err != nil {
		t.Fatal(err)
	}
	half := wire.MaxNetworkBytes/2 + 1
	change := func(version string) wire.NetworkUpdate {
		return wire.NetworkUpdate{Version: version, Pods: wire.Changes[wire.Pod]{Delete: []string{"10.64.1.9"}}}
	}
	if err := n.apply(change("2"), half); err != nil {
		t.Error(err)
	}
	if err := n.apply(change("3"), half); err == nil {
		t.Error("it takes more than a node keeps")
	}
}

func TestWhoIsSlowIsToldTheNewest(t *testing.T) {
	n := openNetwork(testOptions(t))
	var told []string
	begun, goOn := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = n.follow(ctx, func(now wire.Network) {
			told = append(told, now.Version)
			if now.Version == "1" {
				close(begun)
				<-goOn
			}
			if now.Version == "9" {
				cancel()
			}
		})
	}()
	for version := 1; version <= 9; version++ {
		if err := n.take([]byte(whole(fmt.Sprint(version)))); err != nil {
			t.Fatal(err)
		}
		if version == 1 {
			<-begun
		}
	}
	close(goOn)
	<-ended
	if strings.Join(told, " ") != "1 9" {
		t.Errorf("told %v", told)
	}
}

func TestWhatIsPostedIsJSON(t *testing.T) {
	var got wire.NetworkReport
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || json.NewDecoder(r.Body).Decode(&got) != nil {
			http.Error(w, "no report", http.StatusBadRequest)
		}
		if len(got.Failed) > 0 {
			http.Error(w, "another node has it", http.StatusConflict)
		}
	}))
	defer server.Close()
	c := &client{server: server.URL, http: server.Client()}
	if err := c.post(t.Context(), wire.NetworkReportPath, wire.NetworkReport{Reached: []string{"worker-2"}}); err != nil || got.Reached[0] != "worker-2" {
		t.Errorf("sent %+v, error %v", got, err)
	}
	err := c.post(t.Context(), wire.NetworkReportPath, wire.NetworkReport{Failed: []string{"worker-3"}})
	if err == nil || !strings.Contains(err.Error(), "409 Conflict: another node has it") {
		t.Errorf("error %v", err)
	}
}
