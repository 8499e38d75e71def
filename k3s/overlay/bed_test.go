package overlay

import (
	"bufio"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/vishvananda/netns"
	"golang.org/x/time/rate"

	"daasvader/k3s/wire"
)

// The test bed: each node is a process of its own in a network namespace of its own, linked through others that route,
// translate addresses and drop what the test wants. The test is the control plane.

const (
	nodeVariable = "OVERLAY_TEST_NODE"
	echoPort     = 7000
	testPort     = 51820
)

var testCluster = netip.MustParsePrefix("10.200.0.0/16")

func TestMain(m *testing.M) {
	if text := os.Getenv(nodeVariable); text != "" {
		runNode(text)
		return
	}
	os.Exit(m.Run())
}

// nodeOptions are those of a node's process.
type nodeOptions struct {
	Name, Dir, Pod string
	Address        netip.Addr
	// RotateAfter is how old a key gets; 0: as ever.
	RotateAfter time.Duration
	// RelayRate is what one peer may have forwarded, in bytes a second; 0: as ever.
	RelayRate float64
	// Bare is WireGuard's configuration where a node has WireGuard alone, without the overlay.
	Bare    string
	BareMTU int
}

// toNode and fromNode are lines of JSON between the test and a node's process.
type toNode struct {
	Network *wire.Network `json:"network,omitempty"`
	Collect bool          `json:"collect,omitempty"`
}

type fromNode struct {
	Proof   *wire.KeyProof      `json:"proof,omitempty"`
	Report  *wire.NetworkReport `json:"report,omitempty"`
	Metrics map[string]float64  `json:"metrics,omitempty"`
	Failure string              `json:"failure,omitempty"`
}

func runNode(text string) {
	var options nodeOptions
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		panic(err)
	}
	go echo(options.Pod)
	go sink(options.Pod)
	if options.BareMTU != 0 {
		runBare(options)
		return
	}
	var lock sync.Mutex
	tell := func(message fromNode) {
		lock.Lock()
		defer lock.Unlock()
		json.NewEncoder(os.Stdout).Encode(message)
	}
	o, err := New(Options{
		Node: options.Name, Dir: options.Dir, Device: "daas0", Port: testPort, Address: options.Address, Cluster: testCluster,
		Prove:  func(_ context.Context, p wire.KeyProof) error { tell(fromNode{Proof: &p}); return nil },
		Report: func(_ context.Context, r wire.NetworkReport) error { tell(fromNode{Report: &r}); return nil },
	})
	if err != nil {
		panic(err)
	}
	if options.RotateAfter != 0 {
		o.options.rotateAfter = options.RotateAfter
	}
	if options.RelayRate != 0 {
		o.options.relayRate = rate.Limit(options.RelayRate)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		defer stop()
		lines := json.NewDecoder(os.Stdin)
		for {
			var message toNode
			switch err := lines.Decode(&message); {
			case err == io.EOF:
				return
			case err != nil:
				tell(fromNode{Failure: err.Error()})
				return
			}
			if message.Network != nil {
				o.Update(*message.Network)
			}
			if message.Collect {
				tell(fromNode{Metrics: collect(o.Collector())})
			}
		}
	}()
	if err := o.Run(ctx); err != nil && ctx.Err() == nil {
		tell(fromNode{Failure: err.Error()})
	}
}

// echo answers datagrams and connections at a pod's address.
func echo(pod string) {
	address := fmt.Sprintf("%s:%d", pod, echoPort)
	packets, err := net.ListenPacket("udp4", address)
	if err != nil {
		panic(err)
	}
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		panic(err)
	}
	go echoConnections(listener)
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := packets.ReadFrom(buffer)
		if err != nil {
			return
		}
		packets.WriteTo(buffer[:n], from)
	}
}

func echoConnections(listener net.Listener) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go io.Copy(c, c)
	}
}

func collect(c prometheus.Collector) map[string]float64 {
	registry := prometheus.NewRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		panic(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "daasvader_overlay_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

// bed is a network with the nodes in it, and the control plane's view of them.
type bed struct {
	t         testing.TB
	id        string
	challenge *ecdh.PrivateKey
	links     int

	lock  sync.Mutex
	nodes []*testNode
}

// testNode is a node's namespace and, while it runs, its process.
type testNode struct {
	bed     *bed
	name    string
	ns      string
	pods    netip.Prefix
	pod     netip.Addr
	options nodeOptions
	process *exec.Cmd
	stdin   io.WriteCloser
	ended   chan struct{}

	key       wire.WireGuardKey
	endpoints []netip.AddrPort
	report    wire.NetworkReport
	metrics   chan map[string]float64
	relays    []string
	// mayFail says that the test wants it to.
	mayFail bool
	// deaf keeps the view from the node.
	deaf bool
	// edit changes the view before the node gets it.
	edit func(*wire.Network)
}

func newBed(t testing.TB) *bed {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("Cannot make network namespaces: this test needs root")
	}
	challenge, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, id: fmt.Sprintf("ovl-%d-", os.Getpid()%100000), challenge: challenge}
	b.namespace("wan")
	return b
}

// namespace makes one whose loopback is up and which forwards packets.
func (b *bed) namespace(name string) string {
	b.t.Helper()
	ns := b.id + name
	b.run("ip", "netns", "add", ns)
	b.t.Cleanup(func() { exec.Command("ip", "netns", "delete", ns).Run() })
	b.in(ns, "ip", "link", "set", "lo", "up")
	b.in(ns, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	return ns
}

func (b *bed) run(name string, args ...string) {
	b.t.Helper()
	if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, output)
	}
}

func (b *bed) in(ns string, args ...string) {
	b.t.Helper()
	b.run("nsenter", append([]string{"--net=/run/netns/" + ns}, args...)...)
}

// link joins two namespaces; the second one's end has the network's second address and goes by the first for all else.
func (b *bed) link(near, far, network string) netip.Addr {
	b.t.Helper()
	prefix := netip.MustParsePrefix(network)
	gateway := prefix.Addr().Next()
	address := gateway.Next()
	b.links++
	nearEnd, farEnd := fmt.Sprintf("w%d", b.links), fmt.Sprintf("e%d", b.links)
	b.run("ip", "link", "add", nearEnd, "netns", b.id+near, "type", "veth", "peer", "name", farEnd, "netns", b.id+far)
	for _, end := range []struct{ ns, link, address string }{
		{near, nearEnd, fmt.Sprintf("%s/%d", gateway, prefix.Bits())}, {far, farEnd, fmt.Sprintf("%s/%d", address, prefix.Bits())},
	} {
		b.in(b.id+end.ns, "ip", "address", "add", end.address, "dev", end.link)
		b.in(b.id+end.ns, "ip", "link", "set", end.link, "up")
	}
	b.in(b.id+far, "ip", "route", "replace", "default", "via", gateway.String())
	return address
}

// node makes one that is not started yet. Its network is that of its link to a namespace which exists.
func (b *bed) node(name, behind, network string) *testNode {
	b.t.Helper()
	n := len(b.nodes) + 1
	ns := b.namespace(name)
	address := b.link(behind, name, network)
	pods := netip.MustParsePrefix(fmt.Sprintf("10.200.%d.0/24", n))
	node := &testNode{
		bed: b, name: name, ns: ns, pods: pods, pod: netip.MustParseAddr(fmt.Sprintf("10.200.%d.5", n)),
		metrics: make(chan map[string]float64, 1),
	}
	node.options = nodeOptions{Name: name, Dir: filepath.Join(b.t.TempDir(), name), Pod: node.pod.String(), Address: address}
	b.in(ns, "ip", "address", "add", node.pod.String()+"/32", "dev", "lo")
	b.lock.Lock()
	b.nodes = append(b.nodes, node)
	b.lock.Unlock()
	return node
}

// public makes a node with an address of its own in the internet.
func (b *bed) public(name string) *testNode {
	b.t.Helper()
	return b.node(name, "wan", fmt.Sprintf("198.51.100.%d/30", 4*(b.links+1)))
}

// hidden makes one behind a NAT of its own. That one keeps ports, or chooses them anew for each destination.
func (b *bed) hidden(name string, random bool) *testNode {
	b.t.Helper()
	router := name + "-nat"
	b.namespace(router)
	b.link("wan", router, fmt.Sprintf("198.51.100.%d/30", 4*(b.links+1)))
	out := fmt.Sprintf("e%d", b.links)
	masquerade := []string{"iptables", "-t", "nat", "-A", "POSTROUTING", "-o", out, "-j", "MASQUERADE"}
	if random {
		masquerade = append(masquerade, "--random-fully")
	}
	b.in(b.id+router, masquerade...)
	b.in(b.id+router, "iptables", "-A", "FORWARD", "-i", out, "-m", "conntrack", "--ctstate", "NEW", "-j", "DROP")
	b.in(b.id+router, "iptables", "-A", "INPUT", "-i", out, "-j", "DROP")
	return b.node(name, router, "192.168.1.0/24")
}

// newPod is one with a namespace of its own, a link of 1500 bytes to its node, and ears for nothing that routers say of
// sizes. It echoes connections.
func (n *testNode) newPod() *testNode {
	n.bed.t.Helper()
	name := n.name + "-pod"
	ns := n.bed.namespace(name)
	address := n.bed.link(n.name, name, strings.TrimSuffix(n.pods.Addr().String(), "0")+"8/30")
	n.bed.in(ns, "iptables", "-A", "INPUT", "-p", "icmp", "-j", "DROP")
	pod := &testNode{bed: n.bed, name: name, ns: ns, pod: address}
	var listener net.Listener
	if err := pod.within(func() (err error) {
		listener, err = net.Listen("tcp4", fmt.Sprintf("%s:%d", address, echoPort))
		return err
	}); err != nil {
		n.bed.t.Fatal(err)
	}
	n.bed.t.Cleanup(func() { listener.Close() })
	go echoConnections(listener)
	return pod
}

// start starts the node's process.
func (n *testNode) start() {
	t := n.bed.t
	t.Helper()
	options, err := json.Marshal(n.options)
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	n.process = exec.Command("nsenter", "--net=/run/netns/"+n.ns, binary)
	n.process.Env = append(os.Environ(), nodeVariable+"="+string(options))
	n.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.process.Stderr = &prefixed{n.name}
	if n.stdin, err = n.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := n.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	n.ended = make(chan struct{})
	started := make(chan error)
	go func(process *exec.Cmd, ended chan struct{}) {
		runtime.LockOSThread() // the parent's death is, to the kernel, that of the thread which started the program
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := process.Start()
		started <- err
		if err == nil {
			n.listen(stdout)
			process.Wait()
		}
	}(n.process, n.ended)
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	n.bed.sync()
}

type prefixed struct{ name string }

func (p *prefixed) Write(text []byte) (int, error) {
	fmt.Fprintf(os.Stderr, "%s: %s", p.name, text)
	return len(text), nil
}

func (n *testNode) kill() {
	if n.process == nil {
		return
	}
	n.process.Process.Kill()
	<-n.ended
	n.process = nil
}

// listen takes what the node tells the control plane.
func (n *testNode) listen(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var message fromNode
		if json.Unmarshal(lines.Bytes(), &message) != nil {
			continue
		}
		switch {
		case message.Proof != nil:
			n.proven(*message.Proof)
		case message.Report != nil:
			n.bed.lock.Lock()
			n.report, n.endpoints = *message.Report, message.Report.Endpoints
			n.bed.lock.Unlock()
			n.bed.sync()
		case message.Metrics != nil:
			n.metrics <- message.Metrics
		case message.Failure != "" && !n.mayFail:
			n.bed.t.Errorf("%s ended: %s", n.name, message.Failure)
		}
	}
}

func (n *testNode) proven(p wire.KeyProof) {
	expected, err := wire.ProveKey(n.bed.challenge, p.Key, p.Key, n.name)
	if err != nil || string(expected) != string(p.Proof) {
		n.bed.t.Errorf("%s gave a proof that is wrong: %v", n.name, err)
		return
	}
	n.bed.lock.Lock()
	n.key = p.Key
	n.bed.lock.Unlock()
	n.bed.sync()
}

// sync tells all nodes what the control plane knows: everybody is everybody's peer and client.
func (b *bed) sync() {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, n := range b.nodes {
		if n.process == nil || n.deaf {
			continue
		}
		network := b.view(n)
		if n.edit != nil {
			n.edit(&network)
		}
		line, err := json.Marshal(toNode{Network: &network})
		if err != nil {
			panic(err)
		}
		n.stdin.Write(append(line, '\n')) // a node that has been killed reads nothing
	}
}

func (b *bed) view(n *testNode) wire.Network {
	network := wire.Network{Self: wire.Self{
		Range: n.pods, Key: n.key, Challenge: wire.WireGuardKey(b.challenge.PublicKey().Bytes()), Relays: n.relays,
	}, Peers: map[string]wire.Peer{}}
	for _, other := range b.nodes {
		if other != n && !other.key.IsZero() {
			network.Peers[other.name] = wire.Peer{
				Key: other.key, Address: wire.OwnAddress(other.pods), Range: other.pods, Endpoints: other.endpoints,
				Relays: other.relays, IsClient: true,
			}
		}
	}
	return network
}

// collect asks the node for its metrics.
func (n *testNode) collect() map[string]float64 {
	n.bed.t.Helper()
	n.stdin.Write([]byte("{\"collect\":true}\n"))
	select {
	case m := <-n.metrics:
		return m
	case <-time.After(5 * time.Second):
		n.bed.t.Fatalf("%s tells no metrics", n.name)
		return nil
	}
}

// has says whether a metric of the node has that value.
func (n *testNode) has(metric string, value float64) bool {
	n.bed.t.Helper()
	return n.collect()[metric] == value
}

// hasDevice says whether the node's device is there and up.
func (n *testNode) hasDevice() bool {
	show := exec.Command("nsenter", "--net=/run/netns/"+n.ns, "ip", "link", "show", "up", "dev", "daas0")
	output, err := show.Output()
	return err == nil && len(output) > 0
}

// eventually waits until something is so.
func (b *bed) eventually(what string, patience time.Duration, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			for _, n := range b.nodes {
				if n.process != nil {
					b.t.Logf("%s: %v", n.name, n.collect())
				}
			}
			b.t.Fatalf("It did not come to pass in %s: %s", patience, what)
		}
	}
}

// within runs f on a thread that is in the node's namespace.
func (n *testNode) within(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromName(n.ns)
		if err == nil {
			defer ns.Close()
			err = netns.Set(ns)
		}
		if err == nil {
			err = f()
		}
		result <- err
	}()
	return <-result
}

// dial opens a UDP socket of a pod here to one there.
func (n *testNode) dial(to *testNode) (conn *net.UDPConn, err error) {
	err = n.within(func() (err error) {
		conn, err = net.DialUDP("udp4", &net.UDPAddr{IP: n.pod.AsSlice()}, &net.UDPAddr{IP: to.pod.AsSlice(), Port: echoPort})
		return err
	})
	return conn, err
}

// reaches says whether a pod there answers one here, within the patience.
func (n *testNode) reaches(to *testNode, patience time.Duration) bool {
	n.bed.t.Helper()
	conn, err := n.dial(to)
	if err != nil {
		time.Sleep(50 * time.Millisecond)
		return false // there is no route yet
	}
	defer conn.Close()
	buffer := make([]byte, 100)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		conn.Write([]byte("hello"))
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := conn.Read(buffer); err == nil {
			return true
		}
	}
	return false
}

func (n *testNode) mustReach(to *testNode, patience time.Duration) {
	n.bed.t.Helper()
	n.bed.eventually(fmt.Sprintf("a pod of %s reaches one of %s", n.name, to.name), patience, func() bool { return n.reaches(to, 200*time.Millisecond) })
}

// loss is what a stream lost.
type loss struct {
	sent, lost int
	// silence is the longest time without an answer.
	silence time.Duration
}

// stream sends a datagram each 10 ms, while f runs and a while longer, and counts those that are not echoed.
func (n *testNode) stream(to *testNode, f func()) loss {
	n.bed.t.Helper()
	conn, err := n.dial(to)
	if err != nil {
		n.bed.t.Fatal(err)
	}
	defer conn.Close()
	var l loss
	answered := make(chan map[uint32]bool)
	go func() {
		seen, last, buffer := map[uint32]bool{}, time.Now(), make([]byte, 100)
		for {
			length, err := conn.Read(buffer)
			if err != nil {
				answered <- seen
				return
			}
			if length == 4 {
				seen[binary.BigEndian.Uint32(buffer)] = true
				l.silence = max(l.silence, time.Since(last))
				last = time.Now()
			}
		}
	}()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for isDone := false; !isDone; {
		select {
		case <-done:
			isDone = true
		case <-time.After(10 * time.Millisecond):
		}
		conn.Write(binary.BigEndian.AppendUint32(nil, uint32(l.sent)))
		l.sent++
	}
	time.Sleep(time.Second)
	conn.SetReadDeadline(time.Now())
	l.lost = l.sent - len(<-answered)
	return l
}

// mustCarry sends so many bytes over TCP, and back.
func (n *testNode) mustCarry(to *testNode, bytes int) {
	n.bed.t.Helper()
	err := n.within(func() error {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: n.pod.AsSlice()}, Timeout: patience}
		conn, err := dialer.Dial("tcp4", fmt.Sprintf("%s:%d", to.pod, echoPort))
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		go conn.Write(make([]byte, bytes))
		_, err = io.CopyN(io.Discard, conn, int64(bytes))
		return err
	})
	if err != nil {
		n.bed.t.Fatalf("A pod of %s does not get %d bytes to one of %s and back: %v", n.name, bytes, to.name, err)
	}
}

// deliver says whether a datagram from that address arrives at a pod there.
func (n *testNode) deliver(to *testNode, from netip.Addr) bool {
	n.bed.t.Helper()
	var receiver net.PacketConn
	if err := to.within(func() (err error) {
		receiver, err = net.ListenPacket("udp4", net.JoinHostPort(to.pod.String(), "7001"))
		return err
	}); err != nil {
		n.bed.t.Fatal(err)
	}
	defer receiver.Close()
	var sender *net.UDPConn
	if err := n.within(func() (err error) {
		sender, err = net.DialUDP("udp4", &net.UDPAddr{IP: from.AsSlice()}, &net.UDPAddr{IP: to.pod.AsSlice(), Port: 7001})
		return err
	}); err != nil {
		n.bed.t.Fatal(err)
	}
	defer sender.Close()
	for range 10 {
		sender.Write([]byte("hello"))
		receiver.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, _, err := receiver.ReadFrom(make([]byte, 100)); err == nil {
			return true
		}
	}
	return false
}
