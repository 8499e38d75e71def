package overlay

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	// socketBuffer is what the kernel keeps of datagrams that nobody has read or sent yet, in bytes.
	socketBuffer = 4 << 20
	// maxDatagram is the payload of the largest datagram of UDP over IPv4.
	maxDatagram = 65535 - 20 - 8
	// maxSegments is how many datagrams of one size the kernel takes or gives at once.
	maxSegments = 64
	// readAtOnce is how many of those are read in one call.
	readAtOnce = 4
)

// socket is one of UDP over IPv4 that reads and writes many datagrams at once. None that it sends is fragmented, here or
// on the way, and what routers say about sizes is not believed: the overlay measures.
type socket struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	// waits says that a send waits until the kernel has room; otherwise it drops.
	waits bool
	// unsegmented says that the kernel cannot send several datagrams as one here.
	unsegmented atomic.Bool
	dropped     atomic.Uint64
	batch       *ipv4.PacketConn
	messages    []ipv4.Message
	in          inbox
	// beforeFill is called while what was received is still there.
	beforeFill func()
}

// inbox is what was read last and not taken yet. It belongs to the one goroutine that reads.
type inbox struct {
	messages []ipv4.Message
	// rest is of the first message, which came from one address in datagrams of one size.
	rest []byte
	size int
	from netip.AddrPort
}

// listenUDP opens a socket; with a device, only what comes through that one arrives.
func listenUDP(ctx context.Context, address netip.AddrPort, device string, waits bool) (*socket, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		controlErr := c.Control(func(fd uintptr) { err = prepareUDP(int(fd), device) })
		return errors.Join(controlErr, err)
	}}
	made, err := config.ListenPacket(ctx, "udp4", address.String())
	if err != nil {
		return nil, fmt.Errorf("Cannot listen on UDP %s: %w", address, err)
	}
	conn := made.(*net.UDPConn)
	raw, err := conn.SyscallConn()
	if err != nil {
		conn.Close()
		return nil, err
	}
	s := &socket{conn: conn, raw: raw, waits: waits, batch: ipv4.NewPacketConn(conn)}
	for range readAtOnce {
		s.messages = append(s.messages, ipv4.Message{Buffers: [][]byte{make([]byte, 1<<16)}, OOB: make([]byte, 64)})
	}
	return s, nil
}

func prepareUDP(fd int, device string) error {
	for _, option := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer},
		{unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_PROBE},
		{unix.IPPROTO_UDP, unix.UDP_GRO, 1},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, option.value); err != nil {
			return fmt.Errorf("Cannot set option %d of a UDP socket: %w", option.name, err)
		}
	}
	if device == "" {
		return nil
	}
	return unix.BindToDevice(fd, device)
}

func (s *socket) close() error { return s.conn.Close() }

// fill waits for datagrams; what was received before must not be used any more.
func (s *socket) fill() error {
	if s.beforeFill != nil {
		s.beforeFill()
	}
	for i := range s.messages {
		s.messages[i].OOB = s.messages[i].OOB[:cap(s.messages[i].OOB)]
	}
	n, err := s.batch.ReadBatch(s.messages, 0)
	if err != nil {
		return err
	}
	s.in = inbox{messages: s.messages[:n]}
	return nil
}

// next returns a datagram of those that fill got, or nil when there are no more. It may be written to.
func (s *socket) next() ([]byte, netip.AddrPort) {
	in := &s.in
	for len(in.rest) == 0 {
		if len(in.messages) == 0 {
			return nil, netip.AddrPort{}
		}
		m := in.messages[0]
		from := m.Addr.(*net.UDPAddr).AddrPort()
		in.from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		in.rest, in.size = m.Buffers[0][:m.N], segmentSize(m.OOB[:m.NN], m.N)
		in.messages = in.messages[1:]
	}
	size := min(in.size, len(in.rest))
	datagram := in.rest[:size:size]
	in.rest = in.rest[size:]
	return datagram, in.from
}

// segmentSize is that of the datagrams in a message of n bytes, as the kernel tells it.
func segmentSize(control []byte, n int) int {
	for len(control) >= unix.CmsgLen(0) {
		header, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		if header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_GRO && len(data) >= 4 {
			if size := int(binary.NativeEndian.Uint32(data)); size > 0 {
				return size
			}
		}
		control = rest
	}
	return n
}

// send sends the packets, each behind the header. What the kernel refuses is dropped and counted.
func (s *socket) send(header []byte, packets [][]byte, to netip.AddrPort) {
	pieces := piecesPool.Get().(*[][]byte)
	defer func() {
		clear(*pieces)
		piecesPool.Put(pieces)
	}()
	for len(packets) > 0 {
		n := 1
		if !s.unsegmented.Load() {
			n = run(len(header), packets)
		}
		*pieces = (*pieces)[:0]
		for _, packet := range packets[:n] {
			if len(header) > 0 {
				*pieces = append(*pieces, header)
			}
			*pieces = append(*pieces, packet)
		}
		err := s.write(*pieces, n, len(header)+len(packets[0]), to)
		if n > 1 && (errors.Is(err, unix.EIO) || errors.Is(err, unix.EINVAL)) {
			s.unsegmented.Store(true) // no checksums in that network card, see udp(7)
			continue
		}
		if err != nil {
			s.dropped.Add(uint64(n))
		}
		packets = packets[n:]
	}
}

var piecesPool = sync.Pool{New: func() any {
	pieces := make([][]byte, 0, 2*maxSegments)
	return &pieces
}}

// run is how many of the packets go as one: all of one size but the last, which may be smaller.
func run(header int, packets [][]byte) int {
	size := len(packets[0])
	n, total := 1, header+size
	for n < len(packets) && n < maxSegments && len(packets[n-1]) == size && len(packets[n]) <= size {
		if total += header + len(packets[n]); total > maxDatagram {
			break
		}
		n++
	}
	return n
}

func (s *socket) write(pieces [][]byte, n, size int, to netip.AddrPort) error {
	var control []byte
	if n > 1 {
		control = make([]byte, unix.CmsgSpace(2))
		binary.NativeEndian.PutUint64(control, uint64(unix.CmsgLen(2)))
		binary.NativeEndian.PutUint32(control[8:], unix.IPPROTO_UDP)
		binary.NativeEndian.PutUint32(control[12:], unix.UDP_SEGMENT)
		binary.NativeEndian.PutUint16(control[unix.CmsgLen(0):], uint16(size))
	}
	address := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	var sendErr error
	err := s.raw.Write(func(fd uintptr) bool {
		for {
			if _, sendErr = unix.SendmsgBuffers(int(fd), pieces, control, address, unix.MSG_DONTWAIT); sendErr != unix.EINTR {
				break
			}
		}
		return !(s.waits && sendErr == unix.EAGAIN)
	})
	return errors.Join(err, sendErr)
}
