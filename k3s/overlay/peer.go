package overlay

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"daasvader/k3s/wire"
)

const (
	// handover is how long a peer's former key is kept when the new one does not work.
	handover = 10 * time.Second
	// maxPending are probes of one peer that wait for an answer, pendingFor how long they do.
	maxPending = 64
	pendingFor = 5 * time.Second
)

// newPeer has no session yet; forwards is what it may have forwarded, in bytes a second.
func newPeer(name string, info wire.Peer, forwards rate.Limit) *peer {
	m := &member{address: info.Address, allowance: rate.NewLimiter(forwards, relayBurst)}
	m.grants.Store(&grants{})
	return &peer{
		name: name, info: info, member: m, pending: map[uint64]pending{}, learning: rate.NewLimiter(learntPerSecond, maxSeen),
	}
}

// learntPerSecond is how many ways to a peer are learnt from others than the control plane.
const learntPerSecond = 1

// peer is another node and the state of the connection to it.
type peer struct {
	name string
	info wire.Peer
	*member
	paths paths
	// sessions are those under the peer's keys: the one in use and, while the peer changes its key, the next.
	sessions []*session
	pending  map[uint64]pending
	// routed is the size for which the route to the peer's range was made last.
	routed int
	// learning bounds the ways that are learnt, and thereby whom a hostile peer or relay can make us probe.
	learning *rate.Limiter
	// greetAt is when a first session is to be begun; zero when not.
	greetAt time.Time
	// reflexive is where this peer sees this node, at what time.
	reflexive   netip.AddrPort
	reflexiveAt time.Time
}

// session is with a peer under one key of it.
type session struct {
	key    wire.WireGuardKey
	target *target
	since  time.Time
	// secret is with this node's key. Beside it, what is sealed with the next one is read, and what is with the former one.
	secret, next, former *secret
	formerUntil          time.Time
}

// pending is a probe that nobody has answered yet.
type pending struct {
	path path
	// size is what the probe measures; 0 when it does not.
	size int
	sent time.Time
}

func newSession(keys *keyring, key wire.WireGuardKey, m *member, now time.Time) (*session, error) {
	s, err := newSecret(keys.current, key)
	if err != nil {
		return nil, err
	}
	return &session{key: key, target: &target{member: m}, since: now, secret: s}, nil
}

// addresses are all from which the peer may send.
func (p *peer) addresses() []netip.Prefix {
	own := []netip.Prefix{netip.PrefixFrom(p.info.Address, 32)}
	if p.info.Range.IsValid() {
		own = append(own, p.info.Range)
	}
	return own
}

// hasKeyOfAnother says whether a key of its sessions belongs to another peer now.
func (p *peer) hasKeyOfAnother(owners map[wire.WireGuardKey]string) bool {
	return slices.ContainsFunc(p.sessions, func(s *session) bool {
		owner, isOwned := owners[s.key]
		return isOwned && owner != p.name
	})
}

// ping makes a probe for a way; size is what it measures, or 0.
func (p *peer) ping(way path, size int, now time.Time) []byte {
	for token, waiting := range p.pending {
		if now.Sub(waiting.sent) > pendingFor || len(p.pending) >= maxPending {
			delete(p.pending, token)
		}
	}
	var random [8]byte
	rand.Read(random[:])
	token := binary.BigEndian.Uint64(random[:])
	p.pending[token] = pending{path: way, size: size, sent: now}
	length := minProbe
	if size > 0 {
		length = size + minMessage
	}
	return p.sessions[0].secret.seal(probe{kind: probePing, token: token}, length)
}

// learnEndpoints makes what the control plane says of the peer's endpoints and relays the ways to it.
func (p *peer) learnEndpoints(endpoints []netip.AddrPort, relays []netip.Addr, now time.Time) {
	var direct, through []path
	for _, e := range endpoints[:min(len(endpoints), maxStated)] {
		direct = append(direct, path{direct: e})
	}
	for _, relay := range relays[:min(len(relays), maxRelays)] {
		through = append(through, path{relay: relay})
	}
	p.paths.set(stated, direct, now)
	p.paths.set(relayed, through, now)
}

func (p *peer) isStated(a netip.Addr) bool {
	return slices.ContainsFunc(p.info.Endpoints, func(e netip.AddrPort) bool { return e.Addr() == a })
}
