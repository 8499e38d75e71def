package overlay

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// network is the device with its routes, and WireGuard between it and the bind.
type network struct {
	own       netip.Addr
	link      netlink.Link
	wireguard *device.Device
	bind      *bind
}

// closeCluster makes all addresses of pods unreachable for which there is no better route.
func closeCluster(cluster netip.Prefix) error {
	err := netlink.RouteReplace(&netlink.Route{Dst: ipNet(cluster), Type: unix.RTN_UNREACHABLE})
	if err != nil {
		return fmt.Errorf("Cannot make %s unreachable: %w", cluster, err)
	}
	return nil
}

// openNetwork makes the device for a node with these pods; its first address there is the node's own.
func openNetwork(ctx context.Context, name string, pods netip.Prefix, b *bind) (*network, error) {
	fail := func(err error) error { return fmt.Errorf("Cannot make the device %s: %w", name, err) }
	made, err := tun.CreateTUN(name, deviceMTU)
	if err != nil {
		return nil, fail(err)
	}
	n := &network{own: b.own, bind: b}
	if n.link, err = prepareLink(ctx, name, b.own); err != nil {
		made.Close()
		return nil, fail(err)
	}
	n.wireguard = device.NewDevice(&guard{Device: made, pods: pods, witness: witness{bind: b}}, b, newLogger())
	// Which way packets take, is not WireGuard's to change: peers keep the endpoint that they were made with.
	n.wireguard.DisableSomeRoamingForBrokenMobileSemantics()
	if err := n.start(); err != nil {
		n.close()
		return nil, fail(err)
	}
	return n, nil
}

// newLogger tells of one of WireGuard's errors a second: some come with each packet.
func newLogger() *device.Logger {
	now := rate.Sometimes{Interval: time.Second}
	return &device.Logger{Verbosef: device.DiscardLogf, Errorf: func(format string, args ...any) {
		now.Do(func() { klog.InfoS("WireGuard complains", "what", fmt.Sprintf(format, args...)) })
	}}
}

// prepareLink gives the device its address, without which the relay's socket cannot be opened.
func prepareLink(ctx context.Context, name string, own netip.Addr) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(own, 32))}); err != nil {
		return nil, err
	}
	return link, clampSegments(ctx, name)
}

func (n *network) start() error {
	if err := netlink.LinkSetUp(n.link); err != nil {
		return err
	}
	return n.wireguard.Up()
}

// close removes the device and its routes, which makes the cluster unreachable.
func (n *network) close() { n.wireguard.Close() }

// route leads a peer's addresses to the device, for packets up to the given size.
func (n *network) route(to netip.Prefix, mtu int) error {
	err := netlink.RouteReplace(n.routeTo(to, mtu))
	if err != nil {
		return fmt.Errorf("Cannot route %s to the overlay: %w", to, err)
	}
	return nil
}

func (n *network) unroute(to netip.Prefix) {
	if err := netlink.RouteDel(n.routeTo(to, 0)); err != nil && err != unix.ESRCH {
		klog.ErrorS(err, "Cannot remove a route from the overlay", "to", to)
	}
}

func (n *network) routeTo(to netip.Prefix, mtu int) *netlink.Route {
	return &netlink.Route{
		LinkIndex: n.link.Attrs().Index, Dst: ipNet(to), Src: net.IP(n.own.AsSlice()), Scope: netlink.SCOPE_LINK, MTU: mtu,
	}
}

// setKey makes WireGuard speak as the owner of this key. All its sessions begin anew with the next packet.
func (n *network) setKey(private []byte) error {
	return n.wireguard.IpcSet("private_key=" + hex.EncodeToString(private) + "\n")
}

// setPeer lets the owner of the key send from these addresses, and nobody else any more, and get what goes to them.
func (n *network) setPeer(key wire.WireGuardKey, addresses ...netip.Prefix) error {
	var config strings.Builder
	name := hex.EncodeToString(key[:])
	fmt.Fprintf(&config, "public_key=%s\nendpoint=%s\nreplace_allowed_ips=true\n", name, name)
	for _, address := range addresses {
		fmt.Fprintf(&config, "allowed_ip=%s\n", address)
	}
	return n.wireguard.IpcSet(config.String())
}

func (n *network) removePeer(key wire.WireGuardKey) {
	n.wireguard.RemovePeer(device.NoisePublicKey(key))
}

// greet begins a session with a peer before there is something to say.
func (n *network) greet(key wire.WireGuardKey) {
	if peer := n.wireguard.LookupPeer(device.NoisePublicKey(key)); peer != nil {
		if err := peer.SendHandshakeInitiation(false); err != nil {
			klog.ErrorS(err, "Cannot begin a session with a peer")
		}
	}
}

// guard lets what peers send reach this node's own addresses only.
type guard struct {
	tun.Device
	pods netip.Prefix

	lock    sync.Mutex // WireGuard writes for several peers at once
	witness witness
}

// Write implements tun.Device.
func (g *guard) Write(packets [][]byte, offset int) (int, error) {
	g.note(packets, offset)
	kept := packets[:0]
	for _, packet := range packets {
		if g.isForUs(packet[offset:]) {
			kept = append(kept, packet)
		}
	}
	if len(kept) == 0 {
		return 0, nil
	}
	return g.Device.Write(kept, offset)
}

func (g *guard) note(packets [][]byte, offset int) {
	g.lock.Lock()
	defer g.lock.Unlock()
	now := time.Now()
	for _, packet := range packets {
		g.witness.see(packet[offset:], now)
	}
}

func (g *guard) isForUs(packet []byte) bool {
	return len(packet) >= 20 && packet[0]>>4 == 4 && g.pods.Contains(netip.AddrFrom4([4]byte(packet[16:20])))
}

const (
	// segmentsChain is where TCP is told how large its segments may be.
	segmentsChain   = "DAAS-OVERLAY"
	iptablesTimeout = 10 * time.Second
)

// clampSegments sees to it that no TCP connection through the device begins with segments that do not fit.
func clampSegments(ctx context.Context, device string) error {
	ctx, cancel := context.WithTimeout(ctx, iptablesTimeout)
	defer cancel()
	run := func(args ...string) error {
		if output, err := exec.CommandContext(ctx, "iptables", append([]string{"--wait", "-t", "mangle"}, args...)...).CombinedOutput(); err != nil {
			return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, output)
		}
		return nil
	}
	jump := []string{"FORWARD", "-j", segmentsChain}
	rules := "*mangle\n:" + segmentsChain + " - [0:0]\n"
	for _, direction := range []string{"-o", "-i"} { // either way, what is said of sizes is for what this node sends there
		rules += "-A " + segmentsChain + " " + direction + " " + device +
			" -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n"
	}
	rules += "COMMIT\n"
	restore := exec.CommandContext(ctx, "iptables-restore", "--wait", "--noflush")
	restore.Stdin = strings.NewReader(rules)
	if output, err := restore.CombinedOutput(); err != nil {
		return fmt.Errorf("iptables-restore: %w: %s", err, output)
	}
	if run(append([]string{"-C"}, jump...)...) == nil {
		return nil
	}
	return run(append([]string{"-A"}, jump...)...)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
