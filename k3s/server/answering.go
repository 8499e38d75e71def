package server

import (
	"encoding/binary"
	"errors"
	"net"

	"daasvader/k3s/wire"
)

// Of yamux's frames (https://github.com/hashicorp/yamux/blob/master/spec.md): version, type, flags, stream and length.
const (
	frameHeader = 12
	frameData   = 0
	flagSyn     = 1
)

var (
	errAsks     = errors.New("the peer asks, though it may only answer")
	errTooLarge = errors.New("the peer sends more than anybody may be ready to take")
)

// answeringConn is a yamux connection whose peer may answer only. yamux bounds what a peer sends in a stream, but it
// starts a goroutine for each ping and takes in each stream that the peer opens; both begin with the flag SYN, which
// this side alone needs. It also ends a frame that no stream's window could hold instead of reading it to its end.
type answeringConn struct {
	net.Conn
	header []byte // what has arrived of the current frame's
	body   uint32 // what has not arrived of the current frame's
}

func (c *answeringConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if problem := c.check(b[:n]); problem != nil {
		return 0, problem
	}
	return n, err
}

func (c *answeringConn) check(b []byte) error {
	for len(b) > 0 {
		if c.body > 0 {
			n := min(c.body, uint32(len(b)))
			c.body, b = c.body-n, b[n:]
			continue
		}
		n := min(frameHeader-len(c.header), len(b))
		c.header, b = append(c.header, b[:n]...), b[n:]
		if len(c.header) < frameHeader {
			return nil
		}
		if err := c.begin(); err != nil {
			return err
		}
	}
	return nil
}

// begin judges the frame whose header has arrived.
func (c *answeringConn) begin() error {
	kind, flags := c.header[1], binary.BigEndian.Uint16(c.header[2:4])
	length := binary.BigEndian.Uint32(c.header[8:12])
	c.header = c.header[:0]
	switch {
	case flags&flagSyn != 0:
		return errAsks
	case kind == frameData && length > wire.StreamWindow:
		return errTooLarge
	case kind == frameData:
		c.body = length
	}
	return nil
}
