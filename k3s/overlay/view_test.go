package overlay

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"daasvader/k3s/wire"
)

func testPeer(n byte) wire.Peer {
	pods := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 200, n, 0}), wire.RangeBits)
	return wire.Peer{Key: wire.WireGuardKey{n}, Address: wire.OwnAddress(pods), Range: pods}
}

func TestPeersThatCannotBeBelievedAreRefused(t *testing.T) {
	own := wire.WireGuardKey{99}
	edit := func(n byte, f func(*wire.Peer)) wire.Peer {
		p := testPeer(n)
		f(&p)
		return p
	}
	for name, test := range map[string]struct {
		peers map[string]wire.Peer
		want  []string
	}{
		"good ones": {map[string]wire.Peer{"a": testPeer(2), "b": testPeer(3)}, []string{"a", "b"}},
		"one that only relays": {map[string]wire.Peer{
			"a": edit(2, func(p *wire.Peer) { p.Range = netip.Prefix{} }),
		}, []string{"a"}},
		"no key":    {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) { p.Key = wire.WireGuardKey{} })}, nil},
		"our key":   {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) { p.Key = own })}, nil},
		"our range": {map[string]wire.Peer{"a": testPeer(1), "b": testPeer(2)}, []string{"b"}},
		"one key":   {map[string]wire.Peer{"a": testPeer(2), "b": edit(3, func(p *wire.Peer) { p.Key[0] = 2 }), "c": testPeer(4)}, []string{"c"}},
		"one range": {map[string]wire.Peer{"a": testPeer(2), "b": edit(2, func(p *wire.Peer) { p.Key[1] = 2 }), "c": testPeer(4)}, []string{"c"}},
		"a third with their range": {map[string]wire.Peer{
			"a": testPeer(2), "b": edit(2, func(p *wire.Peer) { p.Key[1] = 2 }), "c": edit(2, func(p *wire.Peer) { p.Key[1] = 3 }),
		}, nil},
		"another's address": {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) { p.Address = testPeer(3).Address })}, nil},
		"a wide range": {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) {
			p.Range = netip.MustParsePrefix("10.200.0.0/16")
		})}, nil},
		"a pod's address": {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) { p.Address = p.Address.Next() })}, nil},
		"outside of the cluster": {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) {
			p.Address, p.Range = netip.MustParseAddr("10.201.2.1"), netip.MustParsePrefix("10.201.2.0/24")
		})}, nil},
		"the machine itself": {map[string]wire.Peer{"a": edit(2, func(p *wire.Peer) {
			p.Address, p.Range = netip.MustParseAddr("127.0.0.1"), netip.MustParsePrefix("127.0.0.0/24")
		})}, nil},
	} {
		network := wire.Network{Self: wire.Self{Range: netip.MustParsePrefix("10.200.1.0/24")}, Peers: test.peers}
		peers, refused := peersOf(network, testCluster, func(k wire.WireGuardKey) bool { return k == own })
		if got := slices.Sorted(maps.Keys(peers)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v are taken instead of %v; the others because %v", name, got, test.want, refused)
		}
	}
}

func TestEndpointsThatAreNoPeersAreNotProbed(t *testing.T) {
	for text, want := range map[string]bool{
		"198.51.100.1:51820": true, "192.168.1.2:51820": true, "100.64.0.9:1": true,
		"127.0.0.1:51820": false, "0.0.0.0:1": false, "0.1.2.3:1": false, "169.254.169.254:80": false, "224.0.0.1:1": false,
		"255.255.255.255:1": false, "240.0.0.1:1": false, "198.51.100.1:0": false, "10.200.3.4:51820": false, "[2001:db8::1]:1": false,
	} {
		if got := isReachable(netip.MustParseAddrPort(text), testCluster); got != want {
			t.Errorf("%s may be probed: %v", text, got)
		}
	}
}

func TestARelayThatLiesMakesUsProbeLittle(t *testing.T) {
	n := &node{options: &Options{Cluster: testCluster}, bind: &bind{}, peers: map[string]*peer{}}
	relay := &member{address: netip.MustParseAddr("10.200.1.1")}
	way := path{direct: netip.MustParseAddrPort("198.51.100.1:51820")}
	relay.path.Store(&way)
	n.bind.directory.Store(&directory{members: map[netip.Addr]*member{relay.address: relay}})
	secret, _ := acquainted(t)
	p := newPeer("a", testPeer(2), relayRate)
	p.sessions = []*session{{secret: secret}}
	n.peers["a"] = p
	now := time.Unix(1e9, 0)
	tell := func(endpoint string) {
		n.heard(arrivedProbe{
			peer: "a", path: path{relay: relay.address}, probe: probe{kind: probePing}, seen: netip.MustParseAddrPort(endpoint),
		}, now)
	}
	for _, endpoint := range []string{"192.168.1.1:53", "10.0.0.1:53", "100.64.0.1:53", "169.254.169.254:80", "127.0.0.1:80", "10.200.9.9:80"} {
		if tell(endpoint); len(p.paths.candidates) != 0 {
			t.Errorf("%s is probed because a relay says so", endpoint)
		}
	}
	for i := range 1000 {
		tell(fmt.Sprintf("198.51.%d.%d:53", i/250, i%250))
	}
	if len(p.paths.candidates) > maxSeen || len(p.pending) > maxSeen {
		t.Errorf("%d addresses are probed because a relay says so, %d times", len(p.paths.candidates), len(p.pending))
	}
	now = now.Add(time.Minute)
	p.info.Endpoints = []netip.AddrPort{netip.MustParseAddrPort("192.168.1.1:51820")}
	if tell("192.168.1.1:4000"); p.paths.find(path{direct: netip.MustParseAddrPort("192.168.1.1:4000")}) == nil {
		t.Error("A private address is not probed which the peer states, too")
	}
}
