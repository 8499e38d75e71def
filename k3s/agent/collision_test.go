package agent

import (
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

var testRanges = ranges{netip.MustParsePrefix("10.112.0.0/12"), netip.MustParsePrefix("10.43.0.0/16")}

// emptyMachine has the test, and what it starts, run on a machine without any network.
func emptyMachine(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	machine, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { machine.Close() })
	ip(t, "link set lo up")
	ip(t, "link add eth0 type veth peer name far0")
	ip(t, "addr add 192.168.1.2/24 dev eth0")
	ip(t, "link set eth0 up")
	ip(t, "route add default via 192.168.1.1")
}

func ip(t *testing.T, arguments string) {
	t.Helper()
	if out, err := exec.Command("ip", strings.Fields(arguments)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %s", arguments, out)
	}
}

func collision(t *testing.T) string {
	t.Helper()
	all, err := machineNetworks(&netlink.Handle{})
	if err != nil {
		t.Fatal(err)
	}
	if err := testRanges.checkTaken(all); err != nil {
		return err.Error()
	}
	return ""
}

func TestAMachineWithAddressesOfTheClusterIsRefused(t *testing.T) {
	for command, says := range map[string]string{
		"addr add 10.113.0.5/24 dev eth0":                                         "the cluster has 10.112.0.0/12 for pods, and this machine has the address 10.113.0.5 on eth0",
		"addr add 10.43.0.1/32 dev eth0":                                          "the cluster has 10.43.0.0/16 for Services, and this machine has the address 10.43.0.1 on eth0",
		"addr add 10.111.0.1/11 dev eth0":                                         "a route to 10.96.0.0/11 by eth0",
		"route add 10.127.255.0/24 via 192.168.1.1":                               "a route to 10.127.255.0/24 by eth0",
		"route add 10.0.0.0/8 via 192.168.1.1":                                    "a route to 10.0.0.0/8 by eth0",
		"route add 10.43.9.0/24 via 192.168.1.1 table 77":                         "a route to 10.43.9.0/24 by eth0",
		"route add 10.120.0.0/16 nexthop via 192.168.1.1 nexthop via 192.168.1.3": "a route to 10.120.0.0/16 by several ways",
	} {
		t.Run(command, func(t *testing.T) {
			emptyMachine(t)
			ip(t, command)
			if has := collision(t); !strings.Contains(has, says) {
				t.Errorf("error is %q, expected %q", has, says)
			}
		})
	}
}

func TestAMachineWithWhatAnAgentLeftIsTaken(t *testing.T) {
	emptyMachine(t)
	for _, command := range []string{
		"link add daas0 type veth peer name far1", "addr add 10.112.7.1/32 dev daas0", "link set daas0 up", "route add 10.113.4.0/24 dev daas0",
		"link add veth1234 type veth peer name far2", "addr add 10.112.7.1/32 dev veth1234", "link set veth1234 up", "route add 10.112.7.9/32 dev veth1234",
		"addr add 10.43.0.10/32 dev lo",
		"route add unreachable 10.112.0.0/12 metric 4278198272",
		"route add 0.0.0.0/1 via 192.168.1.1", // a VPN's
		"route add 172.16.0.0/12 via 192.168.1.1",
	} {
		ip(t, command)
	}
	if has := collision(t); has != "" {
		t.Error(has)
	}
}
