package pulls

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"daasvader/k3s/publicnet"
)

const (
	resolveTimeout = 10 * time.Second
	dialTimeout    = 10 * time.Second
	// maxAddresses of one name are tried.
	maxAddresses = 8
)

var (
	// errNotPublic does not say whether there is such a name in the provider's network.
	errNotPublic = errors.New("it has no address on the public internet")
	errNoAnswer  = errors.New("its name cannot be looked up at present")
)

// dialer connects with public addresses, and any that the provider named.
type dialer struct {
	mirrors string
	resolve func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dial connects with an address that was checked: what a name means is asked once.
func (d *dialer) dial(ctx context.Context, _, server string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	addresses, err := d.lookUp(ctx, host)
	var answer *net.DNSError
	if errors.As(err, &answer) && answer.IsNotFound {
		return nil, fmt.Errorf("%w: %w", errNotPublic, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	allowed, err := d.allowed(addresses, server)
	if err != nil {
		return nil, err
	}
	if len(allowed) == 0 {
		return nil, errNotPublic
	}
	var failures []error
	for _, address := range allowed[:min(len(allowed), maxAddresses)] {
		dialer := net.Dialer{Timeout: dialTimeout}
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address.String(), port))
		if err == nil {
			return conn, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func (d *dialer) lookUp(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	return d.resolve(ctx, "ip", host)
}

// allowed are the addresses that are neither private nor of the machine's own surroundings, or all of a mirror's.
func (d *dialer) allowed(addresses []netip.Addr, server string) (allowed []netip.Addr, err error) {
	local, err := publicnet.ReadLocal(func(string) bool { return false })
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		if address = address.Unmap(); publicnet.Contains(address) && !local.Contains(address) {
			allowed = append(allowed, address)
		}
	}
	if len(allowed) > 0 {
		return allowed, nil
	}
	if named, err := isMirror(d.mirrors, server); !named || err != nil {
		return nil, err
	}
	return slices.Clone(addresses), nil
}

// serverOf is the host and port that a URL leads to.
func serverOf(target *url.URL) string {
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	return net.JoinHostPort(target.Hostname(), port)
}
