package agent

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"text/template"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
)

//go:embed Corefile
var corefileTemplate string

// serveDNS answers this node's pods on the cluster's DNS address, which the node gives itself.
func (n *node) serveDNS(ctx context.Context) error {
	remove, err := addLocalAddress(n.clusterDNS)
	if err != nil {
		return err
	}
	defer remove()
	corefile, err := n.corefile()
	if err != nil {
		return err
	}
	caddy.Quiet, dnsserver.Quiet = true, true
	server, err := caddy.Start(caddy.CaddyfileInput{Contents: corefile, Filepath: "Corefile", ServerTypeName: "dns"})
	if err != nil {
		return fmt.Errorf("start DNS: %w", err)
	}
	context.AfterFunc(ctx, func() { server.Stop() })
	server.Wait()
	return context.Cause(ctx)
}

func (n *node) corefile() ([]byte, error) {
	upstream, err := nameservers("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = template.Must(template.New("").Parse(corefileTemplate)).Execute(&out, map[string]any{
		"Address": n.clusterDNS, "Kubeconfig": n.options.nodeKubeconfig(), "Upstream": upstream,
	})
	return out.Bytes(), err
}

// nameservers are those of the machine, without the ones that only its own processes reach.
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
		if ip := net.ParseIP(server); ip != nil && !ip.IsLoopback() {
			usable = append(usable, server)
		}
	}
	return usable, nil
}

// addLocalAddress makes the machine answer on an address until remove is called.
func addLocalAddress(address string) (remove func(), err error) {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	local, err := netlink.ParseAddr(address + "/32")
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrReplace(loopback, local); err != nil {
		return nil, fmt.Errorf("Cannot give the node the DNS address %s: %w", address, err)
	}
	return func() { _ = netlink.AddrDel(loopback, local) }, nil // an address that stays is taken over by the next agent
}
