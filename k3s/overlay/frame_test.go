package overlay

import (
	"bytes"
	"net/netip"
	"testing"
)

// message has the form of one of WireGuard's.
func message(n int) []byte {
	packet := make([]byte, n)
	packet[0] = 4
	return packet
}

func frameOf(f frame) []byte {
	packet := append(make([]byte, frameHeader), f.payload...)
	f.header(packet)
	return packet
}

func TestFramesAreReadAsTheyWereWritten(t *testing.T) {
	written := frame{
		kind: frameDeliver, peer: netip.MustParseAddr("10.200.1.1"), seen: netip.MustParseAddrPort("198.51.100.1:51820"),
		payload: message(100),
	}
	read, ok := parseFrame(frameOf(written))
	if !ok || read.kind != written.kind || read.peer != written.peer || read.seen != written.seen || !bytes.Equal(read.payload, written.payload) {
		t.Errorf("%+v was read as %+v", written, read)
	}
}

func TestFramesCarryOnlyWhatTheOverlaySends(t *testing.T) {
	for name, payload := range map[string][]byte{
		"nothing":         nil,
		"too little":      message(minMessage - 1),
		"an IPv4 packet":  append([]byte{0x45, 0, 0, 40}, make([]byte, 40)...),
		"a DNS question":  append([]byte{0, 1, 1, 0, 0, 1}, make([]byte, 40)...),
		"a fifth message": append([]byte{5, 0, 0, 0}, make([]byte, 40)...),
		"another frame":   frameOf(frame{kind: frameForward, peer: netip.MustParseAddr("10.200.1.1"), payload: message(60)}),
	} {
		if f, ok := parseFrame(frameOf(frame{kind: frameForward, peer: netip.MustParseAddr("10.200.1.1"), payload: payload})); ok {
			t.Errorf("A frame with %s was read: %+v", name, f)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(frameOf(frame{kind: frameForward, peer: netip.MustParseAddr("10.200.1.1"), payload: message(32)}))
	f.Add(frameOf(frame{kind: frameDeliver, peer: netip.MustParseAddr("10.200.1.1"), seen: netip.MustParseAddrPort("198.51.100.1:1"), payload: message(1400)}))
	f.Add([]byte{frameDeliver})
	f.Add(make([]byte, frameHeader+minMessage))
	f.Fuzz(func(t *testing.T, packet []byte) {
		read, ok := parseFrame(packet)
		if !ok {
			return
		}
		if !bytes.Equal(frameOf(read), packet) && read.seen.IsValid() {
			t.Errorf("%x was read as %+v", packet, read)
		}
	})
}
