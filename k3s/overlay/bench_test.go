package overlay

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
)

// Two nodes, a router between them, and a third that relays: throughput of one TCP connection and round trips of one
// datagram between pods, by what carries them. bench/overlay.ts makes a table of it.

const (
	sinkPort   = 7002
	benchBytes = 256 << 20
	roundTrips = 2000
)

func BenchmarkWays(b *testing.B) {
	for _, bench := range []struct {
		name string
		make func(*testing.B) (from, to *testNode)
	}{
		{"direct/none", func(b *testing.B) (*testNode, *testNode) { return plainNodes(b, false) }},
		{"direct/wireguard-go", func(b *testing.B) (*testNode, *testNode) { return bareNodes(b, false) }},
		{"direct/overlay", func(b *testing.B) (*testNode, *testNode) { return overlayNodes(b, false, 0) }},
		{"relayed/none", func(b *testing.B) (*testNode, *testNode) { return plainNodes(b, true) }},
		{"relayed/wireguard-go", func(b *testing.B) (*testNode, *testNode) { return bareNodes(b, true) }},
		{"relayed/overlay", func(b *testing.B) (*testNode, *testNode) { return overlayNodes(b, true, 0) }},
		{"relayed/overlay-unlimited", func(b *testing.B) (*testNode, *testNode) { return overlayNodes(b, true, 1<<40) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			from, to := bench.make(b)
			from.mustReach(to, patience)
			for b.Loop() {
				b.ReportMetric(from.throughput(to), "MiB/s")
				median, p99 := from.latency(to)
				b.ReportMetric(float64(median.Microseconds()), "p50-µs")
				b.ReportMetric(float64(p99.Microseconds()), "p99-µs")
			}
		})
	}
}

// plainNodes reach each other by routes alone, the third one's included.
func plainNodes(b *testing.B, isRelayed bool) (*testNode, *testNode) {
	bed := newBed(b)
	a, c, r := bed.public("a"), bed.public("c"), bed.public("r")
	for _, n := range []*testNode{a, c, r} {
		n.options.BareMTU = device.DefaultMTU
		n.start()
	}
	via := func(at *testNode, to *testNode, gateway netip.Addr) {
		bed.in(at.ns, "ip", "route", "add", to.pods.String(), "via", gateway.String(), "onlink", "dev", at.link())
	}
	middle := []*testNode{a, c}
	for i, n := range middle {
		bed.in(bed.id+"wan", "ip", "route", "add", n.pods.String(), "via", n.options.Address.String())
		other := middle[1-i]
		if isRelayed { // the router sends it to the third node, which sends it back
			bed.in(bed.id+"wan", "ip", "rule", "add", "iif", fmt.Sprintf("w%d", i+1), "lookup", "100")
			via(r, n, r.gateway())
		}
		via(n, other, n.gateway())
	}
	if isRelayed {
		bed.in(bed.id+"wan", "ip", "route", "add", "default", "via", r.options.Address.String(), "table", "100")
	}
	return a, c
}

// bareNodes have WireGuard; where the third one is in between, it decrypts and encrypts again.
func bareNodes(b *testing.B, isRelayed bool) (*testNode, *testNode) {
	bed := newBed(b)
	a, c, r := bed.public("a"), bed.public("c"), bed.public("r")
	keys := map[*testNode]*ecdh.PrivateKey{}
	nodes := []*testNode{a, c, r}
	for _, n := range nodes {
		key, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		keys[n] = key
	}
	peer := func(n *testNode, pods ...netip.Prefix) string {
		lines := []string{
			"public_key=" + hex.EncodeToString(keys[n].PublicKey().Bytes()), fmt.Sprintf("endpoint=%s:%d", n.options.Address, testPort),
		}
		for _, p := range pods {
			lines = append(lines, "allowed_ip="+p.String())
		}
		return strings.Join(lines, "\n") + "\n"
	}
	for _, n := range nodes {
		n.options.BareMTU = device.DefaultMTU
		n.options.Bare = fmt.Sprintf("private_key=%s\nlisten_port=%d\n", hex.EncodeToString(keys[n].Bytes()), testPort)
	}
	if isRelayed {
		a.options.Bare += peer(r, c.pods)
		c.options.Bare += peer(r, a.pods)
		r.options.Bare += peer(a, a.pods) + peer(c, c.pods)
	} else {
		a.options.Bare += peer(c, c.pods)
		c.options.Bare += peer(a, a.pods)
	}
	for _, n := range nodes {
		n.start()
	}
	return a, c
}

// overlayNodes have the overlay. Where the third one is in between, nothing goes straight between the two.
func overlayNodes(b *testing.B, isRelayed bool, relayRate float64) (*testNode, *testNode) {
	bed := newBed(b)
	a, c, r := bed.public("a"), bed.public("c"), bed.public("r")
	r.options.RelayRate = relayRate
	a.relays, c.relays = []string{"r"}, []string{"r"}
	if isRelayed {
		bed.in(bed.id+"wan", "iptables", "-A", "FORWARD", "-i", "w1", "-o", "w2", "-j", "DROP")
		bed.in(bed.id+"wan", "iptables", "-A", "FORWARD", "-i", "w2", "-o", "w1", "-j", "DROP")
	}
	for _, n := range []*testNode{a, c, r} {
		n.start()
	}
	a.mustReach(c, patience)
	bed.eventually("the size is measured", patience, func() bool { return a.has("peers_by_mtu 1280", 2) && c.has("peers_by_mtu 1280", 2) })
	return a, c
}

func (n *testNode) link() string {
	return fmt.Sprintf("e%d", slices.Index(n.bed.nodes, n)+1)
}

func (n *testNode) gateway() netip.Addr { return n.options.Address.Prev() }

// runBare is a node with WireGuard alone.
func runBare(options nodeOptions) {
	if options.Bare != "" {
		made, err := tun.CreateTUN("wg0", options.BareMTU)
		if err != nil {
			panic(err)
		}
		wireguard := device.NewDevice(made, conn.NewStdNetBind(), device.NewLogger(device.LogLevelError, ""))
		if err := wireguard.IpcSet(options.Bare); err != nil {
			panic(err)
		}
		link, err := netlink.LinkByName("wg0")
		if err != nil {
			panic(err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			panic(err)
		}
		if err := wireguard.Up(); err != nil {
			panic(err)
		}
		if err := netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(testCluster)}); err != nil {
			panic(err)
		}
	}
	io.Copy(io.Discard, os.Stdin)
}

// sink takes what connections bring, and says when one has brought all.
func sink(pod string) {
	listener, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", pod, sinkPort))
	if err != nil {
		panic(err)
	}
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			io.Copy(io.Discard, c)
			c.Write([]byte{1})
		}()
	}
}

// throughput is that of one TCP connection, in MiB a second.
func (n *testNode) throughput(to *testNode) float64 {
	n.bed.t.Helper()
	started := time.Now()
	if err := n.within(func() error {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: n.pod.AsSlice()}, Timeout: patience}
		c, err := dialer.Dial("tcp4", fmt.Sprintf("%s:%d", to.pod, sinkPort))
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(4 * patience))
		block := make([]byte, 1<<18)
		for sent := 0; sent < benchBytes; sent += len(block) {
			if _, err := c.Write(block); err != nil {
				return err
			}
		}
		c.(*net.TCPConn).CloseWrite()
		_, err = io.ReadFull(c, make([]byte, 1))
		return err
	}); err != nil {
		n.bed.t.Fatal(err)
	}
	return float64(benchBytes) / (1 << 20) / time.Since(started).Seconds()
}

// latency is the median and the 99th percentile of round trips.
func (n *testNode) latency(to *testNode) (median, p99 time.Duration) {
	n.bed.t.Helper()
	c, err := n.dial(to)
	if err != nil {
		n.bed.t.Fatal(err)
	}
	defer c.Close()
	var took []time.Duration
	buffer := make([]byte, 64)
	for range roundTrips {
		started := time.Now()
		c.Write(buffer)
		c.SetReadDeadline(started.Add(time.Second))
		if _, err := c.Read(buffer); err == nil {
			took = append(took, time.Since(started))
		}
	}
	if len(took) < roundTrips*99/100 {
		n.bed.t.Fatalf("Only %d of %d round trips", len(took), roundTrips)
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100]
}
