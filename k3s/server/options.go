package server

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"

	"github.com/spf13/pflag"

	"daasvader/k3s/wire"
)

// minRangeBits is that of the largest range which Kubernetes takes for Services; one of pods is no larger.
const minRangeBits = 12

// Options are the flags of `k3s server`; they mean what they mean in k3s.
type Options struct {
	DataDir     string
	BindAddress string
	HTTPSPort   int
	// TLSSans are further names and addresses of the serving certificate.
	TLSSans []string
	// APISocket is the Unix socket that answers the enclave's own paths; empty: these paths are Kubernetes's.
	APISocket string
	// ExternalURL is where nodes reach the API server; its host becomes a name of the serving certificate.
	ExternalURL string
	ClusterCIDR string
	ServiceCIDR string
	// DatastoreLimit is how many bytes objects and their history may take; 0: a share of the file system.
	DatastoreLimit int64

	// cluster and services are ClusterCIDR and ServiceCIDR.
	cluster, services netip.Prefix
}

// ParseOptions reads the flags of `k3s server` and refuses what cannot work.
func ParseOptions(args []string) (*Options, error) {
	o := &Options{}
	flags := pflag.NewFlagSet("k3s server", pflag.ContinueOnError)
	flags.StringVarP(&o.DataDir, "data-dir", "d", "/var/lib/rancher/k3s", "folder that holds the state")
	flags.StringVar(&o.BindAddress, "bind-address", "127.0.0.1", "address to listen on")
	flags.IntVar(&o.HTTPSPort, "https-listen-port", 6443, "port to listen on")
	flags.StringArrayVar(&o.TLSSans, "tls-san", nil, "further name or address of the serving certificate, repeatable")
	flags.StringVar(&o.APISocket, "api-socket", "", "Unix socket that answers the enclave's own paths")
	flags.StringVar(&o.ExternalURL, "external-url", "", "URL under which nodes reach the API server")
	flags.StringVar(&o.ClusterCIDR, "cluster-cidr", "10.112.0.0/12", "addresses of pods, a /24 for each node")
	flags.StringVar(&o.ServiceCIDR, "service-cidr", "10.43.0.0/16", "addresses of services")
	flags.Int64Var(&o.DatastoreLimit, "datastore-limit", 0, "bytes that objects and their history may take (default: a quarter of what the file system has, at most 1 GiB)")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("Cannot start server: unexpected argument %q", flags.Arg(0))
	}
	return o, o.complete()
}

func (o *Options) complete() (err error) {
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return err
	}
	if o.HTTPSPort < 1 || o.HTTPSPort > 65535 {
		return fmt.Errorf("Cannot start server: --https-listen-port %d is not a port", o.HTTPSPort)
	}
	if net.ParseIP(o.BindAddress) == nil {
		return fmt.Errorf("Cannot start server: --bind-address %q is not an IP address", o.BindAddress)
	}
	if o.DatastoreLimit != 0 && o.DatastoreLimit < minDatastoreLimit {
		return fmt.Errorf("Cannot start server: --datastore-limit %d is below %d", o.DatastoreLimit, minDatastoreLimit)
	}
	if err := o.readRanges(); err != nil {
		return err
	}
	return o.addExternalName()
}

// readRanges refuses ranges in which nodes could not have theirs, or a Service's address could be a pod's.
func (o *Options) readRanges() error {
	for _, flag := range []struct {
		cidr string
		into *netip.Prefix
	}{{o.ClusterCIDR, &o.cluster}, {o.ServiceCIDR, &o.services}} {
		prefix, err := netip.ParsePrefix(flag.cidr)
		if err != nil || !prefix.Addr().Is4() || prefix != prefix.Masked() || prefix.Bits() < minRangeBits || prefix.Bits() > wire.RangeBits {
			return fmt.Errorf("Cannot start server: %q is not an IPv4 network from /%d to /%d such as 10.112.0.0/12", flag.cidr, minRangeBits, wire.RangeBits)
		}
		*flag.into = prefix
	}
	if o.cluster.Overlaps(o.services) {
		return fmt.Errorf("Cannot start server: --cluster-cidr %s and --service-cidr %s overlap", o.ClusterCIDR, o.ServiceCIDR)
	}
	return nil
}

func (o *Options) addExternalName() error {
	if o.ExternalURL == "" {
		return nil
	}
	external, err := url.Parse(o.ExternalURL)
	if err != nil || external.Scheme != "https" || external.Hostname() == "" {
		return fmt.Errorf("Cannot start server: --external-url %q is not an https URL", o.ExternalURL)
	}
	o.TLSSans = append(o.TLSSans, external.Hostname())
	return nil
}

// path returns a path within the server's part of the data directory.
func (o *Options) path(elements ...string) string {
	return filepath.Join(append([]string{o.DataDir, "server"}, elements...)...)
}

func (o *Options) localURL() string {
	return "https://" + net.JoinHostPort(o.localHost(), fmt.Sprint(o.HTTPSPort))
}

// localHost is the address under which the server's own components reach it.
func (o *Options) localHost() string {
	if net.ParseIP(o.BindAddress).IsUnspecified() {
		return "127.0.0.1"
	}
	return o.BindAddress
}
