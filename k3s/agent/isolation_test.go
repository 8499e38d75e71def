package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

const (
	podRange = "10.42.0.0/24"
	port     = 8080
	// patience is for what must be let through; what must not be is given as long.
	patience = time.Second
)

// machine is a real network of its own: a node, its pods, linked by the real CNI plugins.
type machine struct {
	t    *testing.T
	node netns.NsHandle
	conf struct {
		CNIVersion string           `json:"cniVersion"`
		Name       string           `json:"name"`
		Plugins    []map[string]any `json:"plugins"`
	}
	store     cache.Store
	isolation *isolation
}

type testPod struct {
	ns      netns.NsHandle
	address string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, node: newNamespace(t), store: cache.NewStore(cache.MetaNamespaceKeyFunc)}
	m.isolation = &isolation{
		podCIDR: podRange, clusterDNS: "10.43.0.10", pods: m.store, changed: make(chan struct{}, 1),
		ipv4: ipv4Mangle(), ipv6: ipv6Mangle(),
	}
	dir := t.TempDir()
	o := &Options{DataDir: dir, CNIBinDir: "/usr/lib/cni"}
	m.must(os.MkdirAll(o.cniConfDir(), 0o700))
	m.inNode(func() error { return setKernelParameters() })
	m.must(writeCNIConfig(o, podRange))
	text, err := os.ReadFile(filepath.Join(o.cniConfDir(), "10-k3s.conflist"))
	m.must(err)
	m.must(json.Unmarshal(text, &m.conf))
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// newNamespace makes a network namespace whose loopback is up.
func newNamespace(t *testing.T) netns.NsHandle {
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

func (m *machine) inNode(f func() error) {
	m.t.Helper()
	m.must(within(m.node, f))
}

func (m *machine) command(name string, args ...string) {
	m.t.Helper()
	m.inNode(func() error {
		if output, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %v: %w: %s", name, args, err, output)
		}
		return nil
	})
}

// pod links a pod to the node with the real plugins, and lets it serve its name.
func (m *machine) pod(namespace, name string) testPod {
	m.t.Helper()
	ns := newNamespace(m.t)
	path := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), int(ns))
	var result map[string]any
	for _, plugin := range m.conf.Plugins {
		plugin["cniVersion"], plugin["name"] = m.conf.CNIVersion, m.conf.Name
		plugin["prevResult"] = result
		if result == nil {
			delete(plugin, "prevResult")
		}
		result = m.add(plugin, namespace+name, path)
	}
	ip := result["ips"].([]any)[0].(map[string]any)["address"].(string)
	p := testPod{ns, strings.Split(ip, "/")[0]}
	m.must(m.store.Add(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Status:     corev1.PodStatus{PodIP: p.address, Phase: corev1.PodRunning},
	}))
	serve(m.t, ns, fmt.Sprintf("%s:%d", p.address, port))
	return p
}

func (m *machine) add(plugin map[string]any, id, path string) (result map[string]any) {
	m.t.Helper()
	config, err := json.Marshal(plugin)
	m.must(err)
	m.inNode(func() error {
		cmd := exec.Command("/usr/lib/cni/" + plugin["type"].(string))
		cmd.Env = append(os.Environ(), "CNI_COMMAND=ADD", "CNI_CONTAINERID="+id, "CNI_NETNS="+path, "CNI_IFNAME=eth0",
			"CNI_PATH=/usr/lib/cni")
		cmd.Stdin = strings.NewReader(string(config))
		output, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", plugin["type"], err, output)
		}
		return json.Unmarshal(output, &result)
	})
	return result
}

// serve echoes what arrives at an address of a namespace.
func serve(t *testing.T, ns netns.NsHandle, address string) {
	t.Helper()
	var listener net.Listener
	if err := within(ns, func() (err error) {
		listener, err = net.Listen("tcp", address)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); io.Copy(conn, conn) }()
		}
	}()
}

func (p testPod) dial(address string) (conn net.Conn, err error) {
	return conn, within(p.ns, func() error {
		conn, err = net.DialTimeout("tcp", address, patience)
		return err
	})
}

func (p testPod) reachesAddress(host string) bool {
	conn, err := p.dial(net.JoinHostPort(host, fmt.Sprint(port)))
	if err == nil {
		conn.Close()
	}
	return err == nil
}

func (m *machine) apply() {
	m.t.Helper()
	m.inNode(func() error { return m.isolation.apply(context.Background()) })
}

func (m *machine) expect(from testPod, to string, reached bool) {
	m.t.Helper()
	if got := from.reachesAddress(to); got != reached {
		m.t.Errorf("%s reaches %s: %v, want %v", from.address, to, got, reached)
	}
}

func TestPodsReachTheirOwnNamespaceAndNobodyElse(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	serve(t, m.node, fmt.Sprintf("10.42.0.1:%d", port))
	m.expect(a1, b.address, true) // nothing else keeps them apart
	m.expect(a1, "10.42.0.1", true)
	m.apply()
	m.expect(a1, a2.address, true)
	m.expect(a1, b.address, false)
	m.expect(b, a2.address, false)
	m.expect(a1, "10.42.0.1", false)
}

func TestRulesThatSomebodyChangedAreSetAgain(t *testing.T) {
	m := newMachine(t)
	a, b := m.pod("a", "1"), m.pod("b", "1")
	m.apply()
	for _, change := range []string{
		"iptables -t mangle -F",
		"iptables -t mangle -F K3S-ISOLATE-FORWARD",
		"iptables -t mangle -D FORWARD -j K3S-ISOLATE-FORWARD",
		"iptables -t mangle -I FORWARD -j ACCEPT",
		"iptables -t mangle -I K3S-ISOLATE-FORWARD -j RETURN",
		"iptables -t mangle -F; iptables -t mangle -X",
	} {
		m.command("sh", "-c", change)
		m.expect(a, b.address, true)
		m.apply()
		m.expect(a, b.address, false)
	}
	m.apply()
	if count := strings.Count(m.saved(), "-j K3S-ISOLATE-FORWARD\n"); count != 1 {
		t.Errorf("%d jumps to our rules, want 1", count)
	}
}

func (m *machine) saved() (saved string) {
	m.t.Helper()
	m.inNode(func() (err error) {
		saved, err = ipv4Mangle().save(context.Background())
		return err
	})
	return saved
}

func TestWhatWasOpenedWhileTheRulesWereAwayEnds(t *testing.T) {
	m := newMachine(t)
	a1, a2, b := m.pod("a", "1"), m.pod("a", "2"), m.pod("b", "1")
	m.apply()
	m.command("iptables", "-t", "mangle", "-D", "FORWARD", "-j", "K3S-ISOLATE-FORWARD") // connections are tracked as before
	foreign, err := a1.dial(fmt.Sprintf("%s:%d", b.address, port))
	m.must(err)
	own, err := a1.dial(fmt.Sprintf("%s:%d", a2.address, port))
	m.must(err)
	m.must(echo(foreign))
	m.apply()
	if err := echo(foreign); err == nil {
		t.Error("a connection to another namespace goes on")
	}
	m.must(echo(own))
}

func echo(conn net.Conn) error {
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("x")); err != nil {
		return err
	}
	_, err := conn.Read(make([]byte, 1))
	return err
}

func TestAddressThatBecameAnotherNamespacesEndsWhatWasOpen(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.apply()
	conn, err := a1.dial(fmt.Sprintf("%s:%d", a2.address, port))
	m.must(err)
	m.must(echo(conn))
	for _, object := range m.store.List() {
		if pod := object.(*corev1.Pod); pod.Status.PodIP == a2.address {
			m.must(m.store.Delete(pod))
			pod = pod.DeepCopy()
			pod.Namespace = "b"
			m.must(m.store.Add(pod))
		}
	}
	m.apply()
	if err := echo(conn); err == nil {
		t.Error("the connection goes on")
	}
}

func TestPodThatStartsBeforeThePodsAreKnownReachesNobody(t *testing.T) {
	m := newMachine(t)
	a1, a2 := m.pod("a", "1"), m.pod("a", "2")
	m.inNode(func() error { return closePods(context.Background()) })
	m.expect(a1, a2.address, false)
	m.apply()
	m.inNode(func() error { return closePods(context.Background()) }) // as when the agent starts again
	m.expect(a1, a2.address, true)
	m.command("iptables", "-t", "mangle", "-D", "K3S-ISOLATE-FORWARD", "-i", "veth+", "-j", "DROP")
	m.inNode(func() error { return closePods(context.Background()) })
	m.expect(a1, a2.address, false)
}

func TestRulesThatCannotBeSetEndTheAgent(t *testing.T) {
	i := newMachine(t).isolation
	t.Setenv("PATH", t.TempDir()) // no iptables there
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() {
		for {
			select {
			case i.changed <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	if err := i.run(ctx); err == nil || !strings.Contains(err.Error(), "tried 5 times") {
		t.Errorf("error is %v", err)
	}
}

func TestKernelWithoutIPv6HasLinksWithoutSettingsForIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conflist")
	if err := writeTemplate(file, cniTemplate, map[string]any{"IPv6": false}); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || !json.Valid(text) || strings.Contains(string(text), "ipv6") {
		t.Errorf("%s, error %v", text, err)
	}
}

func TestPodsHaveNoIPv6(t *testing.T) {
	m := newMachine(t)
	pod := m.pod("a", "1")
	m.must(within(pod.ns, func() error {
		link, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		addresses, err := netlink.AddrList(link, netlink.FAMILY_V6)
		if len(addresses) > 0 {
			return fmt.Errorf("eth0 has %v", addresses)
		}
		return err
	}))
}

func TestPodThatTurnsIPv6OnReachesNoServiceOfItsNode(t *testing.T) {
	m := newMachine(t)
	pod := m.pod("a", "1")
	m.must(within(pod.ns, func() error {
		settings := map[string]string{"accept_dad": "0", "disable_ipv6": "0"}
		for _, name := range []string{"accept_dad", "disable_ipv6"} {
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/eth0/"+name, []byte(settings[name]), 0o644); err != nil {
				return err
			}
		}
		return nil
	}))
	serve(t, m.node, fmt.Sprintf("[::]:%d", port))
	host := m.linkLocal() + "%eth0"
	deadline := time.Now().Add(10 * time.Second)
	for !pod.reachesAddress(host) { // nothing else keeps it out, once the node has its address
		if time.Now().After(deadline) {
			t.Fatalf("%s is not reached even without rules", host)
		}
	}
	m.apply()
	m.expect(pod, host, false)
}

// linkLocal is the node's address on the link to its only pod.
func (m *machine) linkLocal() (address string) {
	m.t.Helper()
	m.inNode(func() error {
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
