package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
	"k8s.io/klog/v2"
)

// dnsPort is everybody's.
const dnsPort = "53"

// serveDNS answers this node's pods on the cluster's DNS address, which the node gives itself.
func serveDNS(ctx context.Context, address netip.Addr, names *clusterNames) error {
	remove, err := addLocalAddress(address)
	if err != nil {
		return err
	}
	defer remove()
	upstream, err := nameservers("/etc/resolv.conf")
	if err != nil {
		return err
	}
	if len(upstream) == 0 {
		klog.InfoS("The machine has no resolver; pods learn no names of the internet")
	}
	server, err := newDNS(net.JoinHostPort(address.String(), dnsPort), names, upstream)
	if err != nil {
		return fmt.Errorf("start DNS: %w", err)
	}
	return server.run(ctx)
}

// nameservers are those of the machine, with their port; what they may tell pods is for publicNames to judge.
func nameservers(file string) ([]string, error) {
	config, err := dns.ClientConfigFromFile(file)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	var usable []string
	for _, server := range config.Servers {
		if _, err := netip.ParseAddr(server); err == nil {
			usable = append(usable, net.JoinHostPort(server, config.Port))
		}
	}
	return usable, nil
}

// addLocalAddress makes the machine answer on an address until remove is called.
func addLocalAddress(address netip.Addr) (remove func(), err error) {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	local, err := netlink.ParseAddr(address.String() + "/32")
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrReplace(loopback, local); err != nil {
		return nil, fmt.Errorf("Cannot give the node the DNS address %s: %w", address, err)
	}
	return func() { _ = netlink.AddrDel(loopback, local) }, nil // an address that stays is taken over by the next agent
}
