package server

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/yamux"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/server/egressselector"
)

func nodeWithRange(name, pods string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: pods}}
}

// namingNode opens a tunnel as node w1, and tells what the server's streams ask for.
func namingNode(t *testing.T) (*tunnel, <-chan string) {
	t.Helper()
	tunnel, address := tunnelServer(t, t.Context())
	config := yamux.DefaultConfig()
	config.EnableKeepAlive = false
	session, err := yamux.Server(openTunnel(t, address), config)
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 16)
	go func() {
		for {
			stream, err := session.Accept()
			if err != nil {
				return
			}
			asked <- strings.TrimSuffix(readTarget(stream), "\n")
		}
	}()
	dialWhenOpen(t, tunnel)
	if first := <-asked; first != "kubelet" {
		t.Fatalf("a kubelet is asked for as %q", first)
	}
	return tunnel, asked
}

func TestPodIsReachedThroughTheNodeThatHasItsRange(t *testing.T) {
	tunnel, asked := namingNode(t)
	tunnel.ranges.set(nodeWithRange("w2", "10.42.2.0/24"))
	if _, err := tunnel.dial(t.Context(), "tcp", "10.42.1.254:8080"); err != nil {
		t.Fatal(err)
	}
	if target := <-asked; target != "10.42.1.254:8080" {
		t.Errorf("asked for %q", target)
	}
	_, err := tunnel.dial(t.Context(), "tcp", "10.42.2.7:80")
	if err == nil || !strings.Contains(err.Error(), "node w2 has no tunnel") {
		t.Errorf("of another node's pod: %v", err)
	}
	for name, goes := range map[string]func(){
		"has gone":     func() { tunnel.ranges.remove("w1") },
		"is made anew": func() { tunnel.ranges.set(nodeWithRange("w1", "")) },
	} {
		tunnel.ranges.set(nodeWithRange("w1", "10.42.1.0/24"))
		goes()
		if _, err := tunnel.dial(t.Context(), "tcp", "10.42.1.254:8080"); err == nil {
			t.Errorf("reached through a node that %s", name)
		}
	}
}

func TestControlPlaneReachesNothingElse(t *testing.T) {
	tunnel, asked := namingNode(t)
	for name, address := range map[string]string{
		"the enclave itself":                "127.0.0.1:6443",
		"the enclave itself, as IPv6":       "[::1]:6443",
		"the metadata address":              "169.254.169.254:80",
		"a Service's address":               "10.43.0.1:443",
		"the internet":                      "192.0.2.1:443",
		"a node's outer address":            "10.0.0.7:10250",
		"a node's own address of its range": "10.42.1.1:80",
		"the first of a range":              "10.42.1.0:80",
		"the last of a range":               "10.42.1.255:80",
		"a pod in IPv6's words":             "[::ffff:10.42.1.7]:80",
		"a pod with a zone":                 "[fe80::1%10.42.1.7]:80",
		"another port of a node":            "w1:22",
		"a kubelet's port with more":        "w1:102500",
		"a node of another name":            "w2:10250",
		"a name":                            "example.com:443",
		"a line of its own":                 "w1\nkubelet:10250",
		"no port":                           "10.42.1.7",
		"a port that is none":               "10.42.1.7:0",
		"a Unix socket":                     "/run/kine.sock",
	} {
		if _, err := tunnel.dial(t.Context(), "tcp", address); err == nil {
			t.Errorf("%s (%s) is reached", name, address)
		} else if !strings.HasPrefix(err.Error(), "Cannot reach "+address) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(asked) > 0 {
		t.Errorf("the node was asked for %q", <-asked)
	}
}

func TestWebhookWithAnURLIsNotCalled(t *testing.T) {
	tunnel, _ := namingNode(t)
	dial, err := tunnel.egress().Lookup(egressselector.ControlPlane.AsNetworkContext())
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1:6443", "10.42.1.7:443", "w1:10250"} {
		if _, err := dial(t.Context(), "tcp", address); err == nil {
			t.Errorf("%s is reached", address)
		}
	}
}

// endless answers with more than anybody should keep.
type endless struct{ net.Conn }

func (endless) Read(b []byte) (int, error)  { return len(b), nil }
func (endless) Write(b []byte) (int, error) { return len(b), nil }

func TestAnswerThatIsTooLongEndsTheConnection(t *testing.T) {
	conn := &answersConn{Conn: endless{}}
	conn.left.Store(maxAnswer)
	question, acknowledgement := make([]byte, shortestRequest), make([]byte, shortestRequest-1)
	read := func() int64 {
		n, err := io.Copy(io.Discard, conn)
		if err == nil {
			t.Error("read to an end that it does not have")
		}
		return n
	}
	for range 3 { // each question has an answer of its own
		if _, err := conn.Write(question); err != nil {
			t.Fatal(err)
		}
		if n := read(); n != maxAnswer {
			t.Errorf("%d bytes", n)
		}
	}
	if _, err := conn.Write(acknowledgement); err != nil {
		t.Fatal(err)
	}
	if n := read(); n != 0 {
		t.Errorf("%d more bytes after what TLS says by itself", n)
	}
}

func TestWebhooksAreReachedWithBoundedAnswers(t *testing.T) {
	tunnel, _ := namingNode(t)
	dial, err := tunnel.egress().Lookup(egressselector.Cluster.AsNetworkContext())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := dial(t.Context(), "tcp", "10.42.1.7:443")
	if err != nil {
		t.Fatal(err)
	}
	if _, are := conn.(*answersConn); !are {
		t.Errorf("connection is %T", conn)
	}
}
