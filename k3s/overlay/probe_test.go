package overlay

import (
	"crypto/ecdh"
	"crypto/rand"
	"net/netip"
	"testing"

	"daasvader/k3s/wire"
)

func testKey(t testing.TB) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// acquainted are the secrets of two nodes, each with the other.
func acquainted(t testing.TB) (a, c *secret) {
	t.Helper()
	one, other := testKey(t), testKey(t)
	a, err := newSecret(one, publicKey(other))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = newSecret(other, publicKey(one)); err != nil {
		t.Fatal(err)
	}
	return a, c
}

func TestProbesAreReadByThePeerAlone(t *testing.T) {
	a, c := acquainted(t)
	stranger, _ := acquainted(t)
	written := probe{kind: probePong, token: 7, endpoint: netip.MustParseAddrPort("198.51.100.1:51820")}
	packet := a.seal(written, minProbe)
	if !isProbe(packet) || idOf(packet) != c.inID {
		t.Fatalf("%x is no probe for the peer", packet)
	}
	if _, ok := stranger.open(packet); ok {
		t.Error("A stranger has read a probe")
	}
	if _, ok := a.open(packet); ok {
		t.Error("A probe was taken by who sent it")
	}
	if read, ok := c.open(packet); !ok || read != written {
		t.Errorf("%+v was read as %+v", written, read)
	}
}

func TestProbesAreTakenOnce(t *testing.T) {
	a, c := acquainted(t)
	packets := [][]byte{a.seal(probe{kind: probePing}, minProbe), a.seal(probe{kind: probePing}, minProbe)}
	for i, packet := range [][]byte{packets[1], packets[0], packets[0], packets[1]} {
		if _, ok := c.open(packet); ok != (i < 2) {
			t.Errorf("Probe %d of those that came twice was taken: %v", i, ok)
		}
	}
}

func TestChangedProbesAreNotTaken(t *testing.T) {
	a, c := acquainted(t)
	packet := a.seal(probe{kind: probePing, token: 1}, minProbe+20)
	for i := 2 + probeID; i < len(packet); i++ {
		packet[i] ^= 1
		if _, ok := c.open(packet); ok {
			t.Errorf("A probe was taken whose byte %d was changed", i)
		}
		packet[i] ^= 1
	}
	if _, ok := c.open(packet[:len(packet)-1]); ok {
		t.Error("A probe was taken that was cut")
	}
	if _, ok := c.open(packet); !ok {
		t.Error("The probe itself was not taken after that")
	}
}

func TestOnePeersProbesAreBounded(t *testing.T) {
	a, c := acquainted(t)
	taken := 0
	for range 4 * probesPerSecond {
		if _, ok := c.open(a.seal(probe{kind: probePing}, minProbe)); ok {
			taken++
		}
	}
	if taken < probesPerSecond || taken > 2*probesPerSecond {
		t.Errorf("%d probes were taken of %d that came at once", taken, 4*probesPerSecond)
	}
}

func TestKeysOfLowOrderAreRefused(t *testing.T) {
	if _, err := newSecret(testKey(t), wire.WireGuardKey{}); err == nil {
		t.Error("There is a secret with a key that everybody knows")
	}
}

func FuzzProbe(f *testing.F) {
	a, c := acquainted(f)
	f.Add(a.seal(probe{kind: probePing, token: 1}, minProbe))
	f.Add(a.seal(probe{kind: probePong, token: 1, endpoint: netip.MustParseAddrPort("198.51.100.1:51820")}, maxProbe))
	f.Add([]byte{probeMark, probeVersion})
	f.Add(append([]byte{probeMark, probeVersion}, make([]byte, minProbe)...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		b := &bind{onProbe: func(arrivedProbe) {}}
		b.directory.Store(&directory{secrets: map[[probeID]byte]*acquaintance{c.inID: {secret: c, peer: "a", member: &member{}}}})
		if payload, _ := b.takeOuter(packet, netip.MustParseAddrPort("198.51.100.1:1")); payload != nil && !isWireGuard(payload) {
			t.Errorf("%x was given to WireGuard", packet)
		}
	})
}
