package agent

import (
	"net/netip"
	"strings"
	"testing"

	"daasvader/k3s/wire"
)

func TestTargetIsTheKubeletOrAPodThatLivesHere(t *testing.T) {
	mine := netip.MustParseAddr("10.42.1.7")
	reachable := targets{kubelet: wire.KubeletAddress, isOwnPod: func(a netip.Addr) bool { return a == mine }}
	for target, address := range map[string]string{
		"kubelet":         wire.KubeletAddress,
		"10.42.1.7:8080":  "10.42.1.7:8080",
		"10.42.1.7:65535": "10.42.1.7:65535",
	} {
		if led, err := reachable.addressOf(target); led != address || err != nil {
			t.Errorf("%q leads to %q, error %v", target, led, err)
		}
	}
	for _, target := range []string{
		"", "kubelet ", "Kubelet", "kubelet\r", "127.0.0.1:10250", "10.42.1.8:80", "10.42.1.7", "10.42.1.7:", "10.42.1.7:0",
		"10.42.1.7:65536", "10.42.1.7:080", "10.42.1.07:80", "[::ffff:10.42.1.7]:80", "10.42.1.7:80 ", "pod:80", "10.42.1.7:http",
	} {
		if led, err := reachable.addressOf(target); err == nil {
			t.Errorf("%q leads to %q", target, led)
		}
	}
}

func TestLineIsReadToItsEndAndNoFurther(t *testing.T) {
	from := strings.NewReader("kubelet\nhello")
	if line, err := readLine(from); line != "kubelet" || err != nil || from.Len() != len("hello") {
		t.Errorf("line %q, error %v, %d bytes are left", line, err, from.Len())
	}
	for name, said := range map[string]string{
		"that has no end":  strings.Repeat("k", 1<<20),
		"that breaks off":  "kubelet",
		"that is too long": strings.Repeat("k", wire.MaxTarget+1) + "\n",
	} {
		if line, err := readLine(strings.NewReader(said)); err == nil {
			t.Errorf("a line %s is %q", name, line)
		}
	}
}
