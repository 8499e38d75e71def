package overlay

import (
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/time/rate"
	"golang.zx2c4.com/wireguard/replay"

	"daasvader/k3s/wire"
)

// A probe asks whether a way to a peer goes, or answers that. It comes on WireGuard's own port, or in a frame:
//
//	0xda 0x01 | id (8) | nonce (24) | sealed: kind (1), token (8), endpoint (6), age (1), zeros
//
// The id tells the receiver which secret opens it; to others it says nothing. The secret is of two nodes' WireGuard keys,
// one for each direction. The nonce begins with a counter, which only grows, so that nothing is taken twice. An answer is
// no longer than what it answers.
const (
	probeMark    = 0xda
	probeVersion = 1
	probeInfo    = "daasvader overlay probe v1"

	probeID     = 8
	probeHeader = 2 + probeID + chacha20poly1305.NonceSizeX
	probeBody   = 1 + 8 + 6 + 1
	// minProbe is how long a probe is at least, and an answer always.
	minProbe = probeHeader + probeBody + chacha20poly1305.Overhead
	// maxProbe is how long the longest is that measures a size.
	maxProbe = maxInside + minMessage
)

const (
	probePing = 1
	probePong = 2
)

// probesPerSecond is how many of one peer's probes are looked at; the rest is dropped.
const probesPerSecond = 100

// probe is what is sealed in one.
type probe struct {
	kind  byte
	token uint64
	// endpoint is, in an answer, where what it answers came from; invalid for what came through a relay.
	endpoint netip.AddrPort
	// age is, in an answer, how many seconds ago who answers got a packet from who asks.
	age byte
}

// secret is what this node and a peer have in common while neither changes its key.
type secret struct {
	out, in     cipher.AEAD
	outID, inID [probeID]byte
	limit       *rate.Limiter

	lock   sync.Mutex
	filter replay.Filter
}

// probeCounter goes on from where it was when the program starts again: no node sends a million probes a second.
var probeCounter atomic.Uint64

func init() { probeCounter.Store(uint64(time.Now().UnixMicro())) }

func newSecret(private *ecdh.PrivateKey, peer wire.WireGuardKey) (*secret, error) {
	public, err := ecdh.X25519().NewPublicKey(peer[:])
	if err != nil {
		return nil, err
	}
	shared, err := private.ECDH(public) // refuses keys of low order
	if err != nil {
		return nil, err
	}
	s := &secret{limit: rate.NewLimiter(probesPerSecond, probesPerSecond)}
	own := private.PublicKey().Bytes()
	if s.out, s.outID, err = direction(shared, own, peer[:]); err != nil {
		return nil, err
	}
	s.in, s.inID, err = direction(shared, peer[:], own)
	return s, err
}

// direction derives the key and the id of what one sends to the other.
func direction(shared, from, to []byte) (aead cipher.AEAD, id [probeID]byte, err error) {
	info := probeInfo + string(from) + string(to)
	key, err := hkdf.Key(sha256.New, shared, nil, info, chacha20poly1305.KeySize+probeID)
	if err != nil {
		return nil, id, err
	}
	copy(id[:], key[chacha20poly1305.KeySize:])
	aead, err = chacha20poly1305.NewX(key[:chacha20poly1305.KeySize])
	return aead, id, err
}

// seal makes a packet of the given size.
func (s *secret) seal(p probe, size int) []byte {
	packet := make([]byte, probeHeader, size)
	packet[0], packet[1] = probeMark, probeVersion
	copy(packet[2:], s.outID[:])
	nonce := packet[2+probeID : probeHeader]
	binary.BigEndian.PutUint64(nonce, probeCounter.Add(1))
	rand.Read(nonce[8:])
	body := make([]byte, size-probeHeader-chacha20poly1305.Overhead)
	body[0] = p.kind
	binary.BigEndian.PutUint64(body[1:], p.token)
	putEndpoint(body[9:], p.endpoint)
	body[15] = p.age
	return s.out.Seal(packet, nonce, body, nil)
}

// open returns what is in a packet whose id is this secret's, once for each packet that the peer sealed.
func (s *secret) open(packet []byte) (probe, bool) {
	nonce := packet[2+probeID : probeHeader]
	body, err := s.in.Open(nil, nonce, packet[probeHeader:], nil)
	if err != nil || len(body) < probeBody || !s.isNew(binary.BigEndian.Uint64(nonce)) || !s.limit.Allow() {
		return probe{}, false
	}
	return probe{kind: body[0], token: binary.BigEndian.Uint64(body[1:]), endpoint: endpoint(body[9:]), age: body[15]}, true
}

func (s *secret) isNew(counter uint64) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.filter.ValidateCounter(counter, math.MaxUint64)
}

// isProbe says whether the packet has the form of a probe.
func isProbe(packet []byte) bool {
	return len(packet) >= minProbe && len(packet) <= maxProbe && packet[0] == probeMark && packet[1] == probeVersion
}

func idOf(packet []byte) [probeID]byte { return [probeID]byte(packet[2 : 2+probeID]) }
