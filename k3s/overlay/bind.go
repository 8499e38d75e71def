package overlay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.zx2c4.com/wireguard/conn"

	"daasvader/k3s/wire"
)

// bind is what WireGuard sends and receives through. WireGuard knows peers; which way their packets take, is decided
// elsewhere and changes between one packet and the next.
type bind struct {
	own    netip.Addr
	device string
	port   int
	// outer carries what goes straight, inner what goes through a relay. Both are nil while the device is down.
	outer, inner atomic.Pointer[socket]
	directory    atomic.Pointer[directory]
	// targets are the peers by their keys, as WireGuard is told of them.
	targets sync.Map
	relay   relay
	// last is where the packet before came from straight, which is mostly where the next one comes from.
	last *arrival
	// onProbe gets the probes that are authentic.
	onProbe func(arrivedProbe)
	// wake is called when there is something to decide: a peer has no way, or a new session.
	wake    func()
	traffic traffic
}

// traffic counts what WireGuard sent and received, by the kind of the way: straight, relayed.
type traffic struct {
	sent, received, sentBytes, receivedBytes [2]atomic.Uint64
	handshakes, strangers, unsent            atomic.Uint64
}

func kind(way path) int {
	if way.isDirect() {
		return 0
	}
	return 1
}

// target is a peer under one key, and is to WireGuard its endpoint for ever.
type target struct {
	*member
	// hasAnswered says that WireGuard has had more to say to it than the first message of a handshake.
	hasAnswered atomic.Bool
	// unsent is the last message of a handshake, while no way is known.
	unsent atomic.Pointer[[]byte]
}

// arrival is where a packet came from: to WireGuard, the endpoint of whoever sent it, which may be anybody.
type arrival struct {
	path path
	// peer is the sender's address in the overlay, as a relay says.
	peer netip.Addr
}

// arrivedProbe is an authentic one of a peer.
type arrivedProbe struct {
	peer  string
	path  path
	probe probe
	// seen is where the relay that delivered it sees the peer, if that is true.
	seen netip.AddrPort
}

func (*target) ClearSrc()              {}
func (*target) SrcToString() string    { return "" }
func (*target) SrcIP() netip.Addr      { return netip.Addr{} }
func (t *target) DstToString() string  { return t.address.String() }
func (t *target) DstToBytes() []byte   { return t.address.AsSlice() }
func (t *target) DstIP() netip.Addr    { return t.address }
func (*arrival) ClearSrc()             {}
func (*arrival) SrcToString() string   { return "" }
func (*arrival) SrcIP() netip.Addr     { return netip.Addr{} }
func (a *arrival) DstToString() string { return a.path.String() }

// DstToBytes is what WireGuard binds cookies to.
func (a *arrival) DstToBytes() []byte {
	if a.path.isDirect() {
		bytes, _ := a.path.direct.MarshalBinary() // has no error to return
		return bytes
	}
	return append(a.path.relay.AsSlice(), a.peer.AsSlice()...)
}

// DstIP is what WireGuard counts handshakes by when there are many: who relays, answers for what it relays.
func (a *arrival) DstIP() netip.Addr {
	if a.path.isDirect() {
		return a.path.direct.Addr()
	}
	return a.path.relay
}

// Open implements conn.Bind.
func (b *bind) Open(uint16) ([]conn.ReceiveFunc, uint16, error) {
	if b.outer.Load() != nil {
		return nil, 0, conn.ErrBindAlreadyOpen
	}
	outer, err := listenUDP(context.Background(), netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(b.port)), "", true)
	if err != nil {
		return nil, 0, err
	}
	inner, err := listenUDP(context.Background(), netip.AddrPortFrom(b.own, wire.RelayPort), b.device, false)
	if err != nil {
		outer.close()
		return nil, 0, err
	}
	inner.beforeFill = func() { b.relay.flush(inner) }
	b.outer.Store(outer)
	b.inner.Store(inner)
	receivers := []conn.ReceiveFunc{
		func(packets [][]byte, sizes []int, from []conn.Endpoint) (int, error) {
			return receive(outer, packets, sizes, from, b.takeOuter)
		},
		func(packets [][]byte, sizes []int, from []conn.Endpoint) (int, error) {
			return receive(inner, packets, sizes, from, b.takeInner)
		},
	}
	return receivers, uint16(b.port), nil
}

// receive fills WireGuard's buffers with what take takes for a packet of WireGuard's.
func receive(s *socket, packets [][]byte, sizes []int, from []conn.Endpoint, take func([]byte, netip.AddrPort) ([]byte, *arrival)) (int, error) {
	for {
		n := 0
		for n < len(packets) {
			packet, sender := s.next()
			if packet == nil {
				break
			}
			if payload, arrived := take(packet, sender); arrived != nil {
				sizes[n] = copy(packets[n], payload)
				from[n] = arrived
				n++
			}
		}
		if n > 0 {
			return n, nil
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

// takeOuter takes what came straight, from anybody.
func (b *bind) takeOuter(packet []byte, sender netip.AddrPort) ([]byte, *arrival) {
	if b.last == nil || b.last.path.direct != sender {
		b.last = &arrival{path: path{direct: sender}}
	}
	if isProbe(packet) {
		b.takeProbe(packet, b.last, netip.AddrPort{})
		return nil, nil
	}
	return b.takeMessage(packet, b.last)
}

// takeInner takes what came from a peer's own address: WireGuard has proven whose it is.
func (b *bind) takeInner(packet []byte, sender netip.AddrPort) ([]byte, *arrival) {
	directory := b.directory.Load()
	f, ok := parseFrame(packet)
	peer := directory.members[sender.Addr()]
	if !ok || peer == nil || sender.Port() != wire.RelayPort {
		b.traffic.strangers.Add(1)
		return nil, nil
	}
	if f.kind == frameForward {
		b.relay.forward(b.inner.Load(), directory, peer, f, packet)
		return nil, nil
	}
	from := directory.members[f.peer]
	if from == nil || !from.grants.Load().relays[peer.address] {
		b.traffic.strangers.Add(1)
		return nil, nil
	}
	arrived := &arrival{path: path{relay: peer.address}, peer: from.address}
	if isProbe(f.payload) {
		b.takeProbe(f.payload, arrived, f.seen)
		return nil, nil
	}
	return b.takeMessage(f.payload, arrived)
}

func (b *bind) takeMessage(packet []byte, arrived *arrival) ([]byte, *arrival) {
	if !isWireGuard(packet) {
		b.traffic.strangers.Add(1)
		return nil, nil
	}
	if packet[0] == handshakeResponse {
		b.traffic.handshakes.Add(1)
	}
	count(&b.traffic.received, &b.traffic.receivedBytes, arrived.path, [][]byte{packet})
	return packet, arrived
}

// takeProbe answers a probe's question on the way that it came, and passes it on. A stranger's costs a look into a map.
func (b *bind) takeProbe(packet []byte, arrived *arrival, seen netip.AddrPort) {
	known := b.directory.Load().secrets[idOf(packet)]
	if known == nil || (!arrived.path.isDirect() && arrived.peer != known.member.address) {
		b.traffic.strangers.Add(1)
		return
	}
	opened, ok := known.secret.open(packet)
	if !ok {
		b.traffic.strangers.Add(1)
		return
	}
	if opened.kind == probePing {
		pong := probe{kind: probePong, token: opened.token, endpoint: arrived.path.direct, age: known.member.age(time.Now())}
		b.send([][]byte{known.secret.seal(pong, minProbe)}, arrived.path, known.member.address)
	}
	b.onProbe(arrivedProbe{peer: known.peer, path: arrived.path, probe: opened, seen: seen})
}

const (
	handshakeInitiation = 1
	handshakeResponse   = 2
	transport           = 4
)

// Send implements conn.Bind. What cannot be sent is dropped and counted, as networks do.
func (b *bind) Send(packets [][]byte, to conn.Endpoint) error {
	switch e := to.(type) {
	case *target:
		b.sendTo(e, packets)
	case *arrival:
		b.send(packets, e.path, e.peer)
	default:
		return conn.ErrWrongEndpointType
	}
	return nil
}

func (b *bind) sendTo(t *target, packets [][]byte) {
	t.used.Store(time.Now().UnixNano())
	if packets[0][0] == handshakeResponse {
		b.traffic.handshakes.Add(1)
	}
	if packets[0][0] != handshakeInitiation && !t.hasAnswered.Load() {
		t.hasAnswered.Store(true)
		b.wake()
	}
	way := t.path.Load()
	if way == nil || (packets[0][0] == handshakeInitiation && t.isHeld()) {
		if packets[0][0] <= handshakeResponse {
			copied := append([]byte(nil), packets[0]...)
			t.unsent.Store(&copied)
		}
		if way == nil {
			b.wake()
		}
		return
	}
	if last := packets[len(packets)-1]; last[0] == transport && len(last) > minMessage {
		t.sentPacket(time.Now())
	}
	count(&b.traffic.sent, &b.traffic.sentBytes, *way, packets)
	b.send(packets, *way, t.address)
}

// catchUp sends the message that waited for a way, without which WireGuard would try again only after seconds.
func (b *bind) catchUp(t *target) {
	if unsent := t.unsent.Swap(nil); unsent != nil {
		b.sendTo(t, [][]byte{*unsent})
	}
}

// send sends packets that way; to is the receiver's address in the overlay, for the relay.
func (b *bind) send(packets [][]byte, way path, to netip.Addr) {
	if way.isDirect() {
		if outer := b.outer.Load(); outer != nil {
			outer.send(nil, packets, way.direct)
		}
		return
	}
	inner := b.inner.Load()
	relay := b.directory.Load().members[way.relay]
	if inner == nil || relay == nil || !relay.isReachedDirectly() { // relays of relays would go in circles
		b.traffic.unsent.Add(uint64(len(packets)))
		return
	}
	var header [frameHeader]byte
	frame{kind: frameForward, peer: to}.header(header[:])
	inner.send(header[:], packets, netip.AddrPortFrom(way.relay, wire.RelayPort))
}

func (m *member) isReachedDirectly() bool {
	way := m.path.Load()
	return way != nil && way.isDirect()
}

func count(packets, bytes *[2]atomic.Uint64, way path, sent [][]byte) {
	n := 0
	for _, packet := range sent {
		n += len(packet)
	}
	packets[kind(way)].Add(uint64(len(sent)))
	bytes[kind(way)].Add(uint64(n))
}

// Close implements conn.Bind.
func (b *bind) Close() error {
	var err error
	for _, s := range []*socket{b.outer.Swap(nil), b.inner.Swap(nil)} {
		if s != nil {
			err = errors.Join(err, s.close())
		}
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// SetMark implements conn.Bind; packets have no marks.
func (*bind) SetMark(uint32) error { return nil }

// BatchSize implements conn.Bind.
func (*bind) BatchSize() int { return conn.IdealBatchSize }

// ParseEndpoint implements conn.Bind: a peer's endpoint is its key, whatever the way.
func (b *bind) ParseEndpoint(key string) (conn.Endpoint, error) {
	t, ok := b.targets.Load(key)
	if !ok {
		return nil, errors.New("Cannot find an endpoint: no peer has that key")
	}
	return t.(*target), nil
}
