package isolation

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"daasvader/k3s/pulls"
	"daasvader/k3s/wire"
)

const (
	port = 8080
	// patience is for what must be let through; what must not be is given as long.
	patience = time.Second
	dns      = "10.43.0.10"
	// The machine is 192.168.7.2 in the provider's network, whose router leads to the internet.
	nodeAddress, routerAddress = "192.168.7.2", "192.168.7.1"
	internet, metadata         = "8.8.4.4", "169.254.169.254"
	// far is another node's own address; its pods are in its range.
	far = "10.42.1.1"
)

var options = Options{
	Node: "here", OverlayDevice: "daas0", Cluster: netip.MustParsePrefix("10.32.0.0/11"), Service: netip.MustParsePrefix("10.43.0.0/16"),
	DNS: netip.MustParseAddr(dns), Refused: []netip.Prefix{netip.MustParsePrefix("9.9.9.9/32")},
}

// machine is a real network of its own: a node, its pods, linked by the real CNI plugin, the router before it, and another
// node at the far end of the overlay.
type machine struct {
	t                 testing.TB
	node, router, far netns.NsHandle
	dir               string
	network           wire.Network
	isolation         *Isolation
}

type testPod struct {
	ns      netns.NsHandle
	address string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	t.Parallel() // they mostly wait
	return newLoneMachine(t)
}

func newLoneMachine(t testing.TB) *machine {
	t.Helper()
	m := &machine{t: t, node: newNamespace(t), router: newNamespace(t), far: newNamespace(t), dir: t.TempDir(), isolation: New(options)}
	m.network = wire.Network{
		Self:       wire.Self{Range: netip.MustParsePrefix("10.42.0.0/24")},
		Peers:      map[string]wire.Peer{"far": {Address: netip.MustParseAddr(far), Range: netip.MustParsePrefix("10.42.1.0/24")}},
		Namespaces: map[string]wire.Namespace{"a": {Owner: "0xa"}, "a2": {Owner: "0xa"}, "b": {Owner: "0xb"}, "kube-system": {}, "default": {}},
		Pods:       map[string]wire.Pod{},
		Policies:   map[string]wire.Policy{},
	}
	m.in(m.node, forwardPackets)
	m.link("eth0", m.node, nodeAddress+"/24", m.router, routerAddress+"/24")
	m.ip(m.node, "route add default via "+routerAddress)
	for _, address := range []string{internet, "9.9.9.9", metadata, "100.64.0.9"} {
		m.ip(m.router, "addr add "+address+"/32 dev lo")
	}
	m.ip(m.router, "route add 10.42.0.0/24 via "+nodeAddress) // a neighbour that knows where the pods are
	m.link("daas0", m.node, "", m.far, "")
	m.ip(m.node, "addr add 10.42.0.1/32 dev daas0")
	m.ip(m.far, "addr add "+far+"/32 dev eth1")
	m.ip(m.node, "route add 10.42.1.0/24 via "+far+" dev daas0 onlink src 10.42.0.1")
	m.ip(m.far, "route add 10.42.0.0/24 via 10.42.0.1 dev eth1 onlink src "+far)
	m.ip(m.node, "addr add "+dns+"/32 dev lo")
	serve(t, m.router, fmt.Sprintf(":%d", port))
	serve(t, m.router, ":25")
	serve(t, m.node, fmt.Sprintf(":%d", port))
	serve(t, m.node, dns+":53")
	serve(t, m.far, fmt.Sprintf(":%d", port))
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// newNamespace makes a network namespace whose loopback is up.
func newNamespace(t testing.TB) netns.NsHandle {
	t.Helper()
	made := make(chan netns.NsHandle, 1)
	go func() {
		defer close(made)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if ns, err := netns.New(); err == nil {
			made <- ns
		}
	}()
	ns, ok := <-made
	if !ok {
		t.Fatal("Cannot make a network namespace: this test needs root")
	}
	t.Cleanup(func() { ns.Close() })
	if err := within(ns, func() error {
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(lo)
	}); err != nil {
		t.Fatal(err)
	}
	return ns
}

// within runs f on a thread that is in the namespace, as are the programs that it starts.
func within(ns netns.NsHandle, f func() error) error {
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

func (m *machine) in(ns netns.NsHandle, f func() error) {
	m.t.Helper()
	m.must(within(ns, f))
}

// link joins two namespaces: with the name in one, as eth1 in the other.
func (m *machine) link(name string, a netns.NsHandle, aAddress string, b netns.NsHandle, bAddress string) {
	m.t.Helper()
	m.in(a, func() error {
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth1", PeerNamespace: netlink.NsFd(b)}
		return netlink.LinkAdd(veth)
	})
	for _, end := range []struct {
		ns            netns.NsHandle
		name, address string
	}{{a, name, aAddress}, {b, "eth1", bAddress}} {
		m.ip(end.ns, "link set "+end.name+" up")
		if end.address != "" {
			m.ip(end.ns, "addr add "+end.address+" dev "+end.name)
		}
	}
}

func (m *machine) ip(ns netns.NsHandle, args string) {
	m.t.Helper()
	m.command(ns, "ip", strings.Fields(args)...)
}

func (m *machine) command(ns netns.NsHandle, name string, args ...string) {
	m.t.Helper()
	m.in(ns, func() error {
		if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %v: %w: %s", name, args, err, output)
		}
		return nil
	})
}

// lines counts those that a program writes in the node.
func (m *machine) lines(name string, args ...string) (lines int) {
	m.t.Helper()
	m.in(m.node, func() error {
		output, err := exec.Command(name, args...).Output()
		lines = strings.Count(string(output), "\n")
		return err
	})
	return lines
}

// asPuller says whether a program of the group that pulls reaches an address of IPv4.
func (m *machine) asPuller(address string) bool {
	host, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return within(m.node, func() error {
		cmd := exec.CommandContext(ctx, "bash", "-c", fmt.Sprintf("exec 3<>/dev/tcp/%s/%s", host, port))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Groups: []uint32{pulls.Group}}}
		return cmd.Run()
	}) == nil
}

// pod links a pod to the node with the real plugin, and lets it serve.
func (m *machine) pod(namespace, name string) testPod {
	m.t.Helper()
	ns := newNamespace(m.t)
	config := map[string]any{
		"cniVersion": "1.0.0", "name": "k3s", "type": "ptp", "ipam": map[string]any{
			"type": "host-local", "dataDir": filepath.Join(m.dir, "networks"), "routes": []any{map[string]any{"dst": "0.0.0.0/0"}},
			"ranges": []any{[]any{map[string]any{"subnet": m.network.Self.Range.String()}}},
		},
	}
	text, err := json.Marshal(config)
	m.must(err)
	var result struct {
		IPs []struct{ Address netip.Prefix }
	}
	m.in(m.node, func() error {
		cmd := exec.Command("/usr/lib/cni/ptp")
		cmd.Env = append(os.Environ(), "CNI_COMMAND=ADD", "CNI_CONTAINERID="+namespace+name, "CNI_IFNAME=eth0", "CNI_PATH=/usr/lib/cni",
			fmt.Sprintf("CNI_NETNS=/proc/%d/fd/%d", os.Getpid(), int(ns)))
		cmd.Stdin = strings.NewReader(string(text))
		output, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("ptp: %w: %s", err, output)
		}
		return json.Unmarshal(output, &result)
	})
	p := testPod{ns, result.IPs[0].Address.Addr().String()}
	m.network.Pods = maps.Clone(m.network.Pods)
	m.network.Pods[p.address] = wire.Pod{Namespace: namespace, Name: name, Node: "here"}
	serve(m.t, ns, fmt.Sprintf(":%d", port))
	serve(m.t, ns, fmt.Sprintf(":%d", port+1))
	return p
}

// farPod is one of the other node: it listens, and speaks, there.
func (m *machine) farPod(namespace, address string) testPod {
	m.t.Helper()
	m.ip(m.far, "addr add "+address+"/32 dev lo")
	m.network.Pods = maps.Clone(m.network.Pods)
	m.network.Pods[address] = wire.Pod{Namespace: namespace, Name: address, Node: "far"}
	return testPod{m.far, address}
}

// serve tells who asks, and then echoes, at an address of a namespace, by TCP and by UDP.
func serve(t testing.TB, ns netns.NsHandle, address string) {
	t.Helper()
	var listener net.Listener
	var packets net.PacketConn
	if err := within(ns, func() (err error) {
		if listener, err = net.Listen("tcp4", address); err == nil {
			packets, err = net.ListenPacket("udp4", address)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close(); packets.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				host, _, _ := net.SplitHostPort(conn.RemoteAddr().String())
				fmt.Fprintln(conn, host)
				io.Copy(conn, conn)
			}()
		}
	}()
	go func() {
		buffer := make([]byte, 2000)
		for {
			n, from, err := packets.ReadFrom(buffer)
			if err != nil {
				return
			}
			packets.WriteTo(buffer[:n], from)
		}
	}()
}

// dial connects from the pod's own address, and reads who the other end says that it is.
func (p testPod) dial(address string) (conn net.Conn, as string, err error) {
	err = within(p.ns, func() error {
		dialer := net.Dialer{Timeout: patience}
		if p.address != "" {
			dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(p.address)}
		}
		conn, err = dialer.Dial("tcp4", address)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	conn.SetDeadline(time.Now().Add(patience))
	as, err = bufio.NewReaderSize(conn, 16).ReadString('\n')
	return conn, strings.TrimSpace(as), err
}

// reaches says whether a connection by TCP is answered.
func (p testPod) reaches(address string) bool {
	if !strings.Contains(address, ":") {
		address = fmt.Sprintf("%s:%d", address, port)
	}
	conn, _, err := p.dial(address)
	if conn != nil {
		conn.Close()
	}
	return err == nil
}

// apply makes the rules those of the test's network, as a check does.
func (m *machine) apply() {
	m.t.Helper()
	m.isolation.Update(m.network)
	m.in(m.node, func() error { return m.isolation.apply(context.Background(), true) })
}

// change makes them so without a look at what the kernel has.
func (m *machine) change() {
	m.t.Helper()
	m.isolation.Update(m.network)
	m.in(m.node, func() error { return m.isolation.apply(context.Background(), false) })
}

func (m *machine) policy(key string, policy wire.Policy) {
	m.network.Policies = maps.Clone(m.network.Policies)
	m.network.Policies[key] = policy
}

func (p testPod) addr() netip.Addr { return netip.MustParseAddr(p.address) }

// reach is who is to reach whom, or not.
type reach struct {
	from    testPod
	to      string
	reached bool
}

// expect tries all at once.
func (m *machine) expect(all ...reach) {
	m.t.Helper()
	var wait sync.WaitGroup
	for _, r := range all {
		wait.Go(func() {
			if got := r.from.reaches(r.to); got != r.reached {
				m.t.Errorf("%s reaches %s: %v, want %v", r.from.address, r.to, got, r.reached)
			}
		})
	}
	wait.Wait()
}

// dial connects two that may.
func (m *machine) dial(from testPod, to string) net.Conn {
	m.t.Helper()
	conn, _, err := from.dial(fmt.Sprintf("%s:%d", to, port))
	m.must(err)
	m.t.Cleanup(func() { conn.Close() })
	return conn
}

func (m *machine) dialUDP(from testPod, to string) (conn net.Conn) {
	m.t.Helper()
	m.in(from.ns, func() (err error) {
		conn, err = net.Dial("udp4", fmt.Sprintf("%s:%d", to, port))
		return err
	})
	m.t.Cleanup(func() { conn.Close() })
	m.must(echo(conn))
	return conn
}

// expectEnded tries at once whether connections go on.
func (m *machine) expectEnded(ended bool, all ...net.Conn) {
	m.t.Helper()
	var wait sync.WaitGroup
	for _, conn := range all {
		wait.Go(func() {
			if err := echo(conn); (err != nil) != ended {
				m.t.Errorf("%s to %s has ended: %v, want %v", conn.LocalAddr(), conn.RemoteAddr(), err, ended)
			}
		})
	}
	wait.Wait()
}

// connected returns both ends of a connection.
func (m *machine) connected(from, to testPod) (client, server net.Conn) {
	m.t.Helper()
	var listener net.Listener
	m.in(to.ns, func() (err error) {
		listener, err = net.Listen("tcp4", ":8090")
		return err
	})
	defer listener.Close()
	m.in(from.ns, func() (err error) {
		client, err = net.DialTimeout("tcp4", to.address+":8090", patience)
		return err
	})
	server, err := listener.Accept()
	m.must(err)
	m.t.Cleanup(func() { client.Close(); server.Close() })
	return client, server
}

// exchange sends something one way.
func exchange(from, to net.Conn) error {
	to.SetDeadline(time.Now().Add(patience))
	if _, err := from.Write([]byte("x")); err != nil {
		return err
	}
	_, err := to.Read(make([]byte, 1))
	return err
}

// hearPings tells from where answers to pings come that nobody sent.
func (m *machine) hearPings(ns netns.NsHandle) <-chan string {
	m.t.Helper()
	var packets net.PacketConn
	m.in(ns, func() (err error) {
		packets, err = net.ListenPacket("ip4:icmp", internet)
		return err
	})
	m.t.Cleanup(func() { packets.Close() })
	heard := make(chan string, 8)
	go func() {
		for {
			_, from, err := packets.ReadFrom(make([]byte, 100))
			if err != nil {
				return
			}
			heard <- from.String()
		}
	}()
	return heard
}

func answerPing(address string) error {
	conn, err := net.Dial("ip4:icmp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte{0, 0, 0xff, 0xfd, 0, 1, 0, 1}) // an echo reply, its checksum, a number and a sequence
	return err
}

// listen tells from where each packet comes.
func (m *machine) listen(pod testPod, heard chan<- string) {
	m.t.Helper()
	var packets net.PacketConn
	m.in(pod.ns, func() (err error) {
		packets, err = net.ListenPacket("udp4", ":9999")
		return err
	})
	m.t.Cleanup(func() { packets.Close() })
	go func() {
		for {
			_, from, err := packets.ReadFrom(make([]byte, 100))
			if err != nil {
				return
			}
			heard <- from.(*net.UDPAddr).IP.String()
		}
	}()
}

// send sends a packet, from one port always, as who has an address.
func (m *machine) send(sender testPod, as, to string) {
	m.t.Helper()
	m.in(sender.ns, func() error {
		conn, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(as), Port: 7777}, &net.UDPAddr{IP: net.ParseIP(to), Port: 9999})
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write([]byte("x"))
		return err
	})
}

func ping(address string) error {
	output, err := exec.Command("busybox", "ping", "-c1", "-W1", address).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ping %s: %w: %s", address, err, output)
	}
	return nil
}

// receive waits for who was heard; nobody is "".
func receive(heard <-chan string) string {
	select {
	case from := <-heard:
		return from
	case <-time.After(patience / 2):
		return ""
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

func (m *machine) saved() (saved string) {
	m.t.Helper()
	m.in(m.node, func() (err error) {
		saved, err = mangle4().save(context.Background())
		return err
	})
	// What begins with # tells the time.
	return strings.Join(slices.DeleteFunc(strings.Split(saved, "\n"), func(line string) bool { return strings.HasPrefix(line, "#") }), "\n")
}

func listen6(t *testing.T, ns netns.NsHandle) {
	t.Helper()
	var listener net.Listener
	if err := within(ns, func() (err error) {
		listener, err = net.Listen("tcp6", fmt.Sprintf("[::]:%d", port))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
}

func dial6(pod testPod, host string) bool {
	return within(pod.ns, func() error {
		conn, err := net.DialTimeout("tcp6", net.JoinHostPort(host+"%eth0", fmt.Sprint(port)), patience)
		if err == nil {
			conn.Close()
		}
		return err
	}) == nil
}

// linkLocal is the node's address on the link to its only pod.
func (m *machine) linkLocal() (address string) {
	m.t.Helper()
	m.in(m.node, func() error {
		links, err := netlink.LinkList()
		if err != nil {
			return err
		}
		for _, link := range links {
			if strings.HasPrefix(link.Attrs().Name, "veth") {
				addresses, err := netlink.AddrList(link, netlink.FAMILY_V6)
				if err != nil || len(addresses) == 0 {
					return fmt.Errorf("%s has no address: %w", link.Attrs().Name, err)
				}
				address = addresses[0].IP.String()
			}
		}
		return nil
	})
	return address
}

func echo(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("x")); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}
