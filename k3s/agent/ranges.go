package agent

import (
	"fmt"
	"net/netip"
)

// ranges are the networks of pods and of Services that the control plane attested. What it says later of this node must
// lie in them, or the node's rules would be about other addresses than those in use.
type ranges struct {
	cluster, service netip.Prefix
}

func parseRanges(cluster, service string) (r ranges, err error) {
	for _, flag := range []struct {
		name, text string
		into       *netip.Prefix
	}{{"--cluster-cidr", cluster, &r.cluster}, {"--service-cidr", service, &r.service}} {
		if *flag.into, err = netip.ParsePrefix(flag.text); err != nil || !flag.into.Addr().Is4() || *flag.into != flag.into.Masked() {
			return r, fmt.Errorf("Cannot start agent: %s %q is not an IPv4 network such as 10.112.0.0/12", flag.name, flag.text)
		}
	}
	if r.cluster.Overlaps(r.service) {
		return r, fmt.Errorf("Cannot start agent: --cluster-cidr %s and --service-cidr %s overlap", cluster, service)
	}
	return r, nil
}

// checkDNS refuses an address for DNS that is not one of Services.
func (r ranges) checkDNS(clusterDNS string) error {
	address, err := netip.ParseAddr(clusterDNS)
	if err != nil || !r.service.Contains(address) {
		return fmt.Errorf("Cannot use the cluster's DNS address %q: it is not in the attested range of Services, %s", clusterDNS, r.service)
	}
	return nil
}
