package agent

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"daasvader/k3s/wire"
)

// targets are what the server reaches through the tunnel: the kubelet, and the pods of this node that live. Nothing else
// of the machine or its network, whatever the server asks for.
type targets struct {
	kubelet  string
	isOwnPod func(netip.Addr) bool
}

// read returns the address for the target that a stream's first line names.
func (t targets) read(stream net.Conn) (string, error) {
	if err := stream.SetReadDeadline(time.Now().Add(requestTimeout)); err != nil {
		return "", err
	}
	line, err := readLine(stream)
	if err != nil {
		return "", fmt.Errorf("read where to: %w", err)
	}
	address, err := t.addressOf(line)
	if err != nil {
		return "", err
	}
	return address, stream.SetReadDeadline(time.Time{})
}

func (t targets) addressOf(target string) (string, error) {
	if target == wire.KubeletTarget {
		return t.kubelet, nil
	}
	pod, err := netip.ParseAddrPort(target)
	if err != nil || pod.String() != target || pod.Port() == 0 {
		return "", fmt.Errorf("%q is neither %q nor ADDRESS:PORT", target, wire.KubeletTarget)
	}
	if !t.isOwnPod(pod.Addr()) {
		return "", fmt.Errorf("no pod that lives here has the address %s", pod.Addr())
	}
	return target, nil
}

// readLine reads not one byte more than the line, which is the target's, not ours.
func readLine(from io.Reader) (string, error) {
	line := make([]byte, 0, wire.MaxTarget)
	for one := make([]byte, 1); ; {
		if _, err := io.ReadFull(from, one); err != nil {
			return "", err
		}
		switch {
		case one[0] == '\n':
			return string(line), nil
		case len(line) == wire.MaxTarget:
			return "", fmt.Errorf("longer than %d bytes", wire.MaxTarget)
		}
		line = append(line, one[0])
	}
}
