package isolation

import (
	"net/netip"
	"slices"
	"strings"

	"daasvader/k3s/publicnet"
)

// readMachine tells where the machine stands; the links to pods and the overlay are the cluster's.
func readMachine(o Options) (publicnet.Local, error) {
	return publicnet.ReadLocal(func(link string) bool {
		return link == o.OverlayDevice || strings.HasPrefix(link, strings.TrimSuffix(podLinks, "+"))
	})
}

// refusedNetworks are all that pods never reach.
func refusedNetworks(machine publicnet.Local, o Options) (networks []netip.Prefix) {
	all := slices.Concat(publicnet.Special(), machine.Connected, o.Refused)
	for _, address := range machine.Addresses {
		all = append(all, netip.PrefixFrom(address, address.BitLen()))
	}
	for _, network := range all {
		if network.Addr().Is4() {
			networks = append(networks, network)
		}
	}
	return networks
}
