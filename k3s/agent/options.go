package agent

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
)

// defaultOverlayPort is WireGuard's usual one.
const defaultOverlayPort = 51820

var (
	// cniDirectories are where distributions put the CNI plugins.
	cniDirectories = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}
	// cniPlugins are those that cni.conflist names.
	cniPlugins = []string{"ptp", "host-local", "tuning"}
)

// Options are the flags of `k3s agent`.
type Options struct {
	// Server is the URL of the API server.
	Server string
	// BootstrapKubeconfig holds the bootstrap token; it is not needed while the node's own credential lives.
	BootstrapKubeconfig string
	NodeName            string
	NodeIP              string
	DataDir             string
	CNIBinDir           string
	// ClusterCIDR and ServiceCIDR are the ranges that the control plane attested.
	ClusterCIDR, ServiceCIDR string
	// OverlayPort is the UDP port where other nodes reach this one.
	OverlayPort int

	ranges ranges
}

// ParseOptions reads the flags of `k3s agent` and refuses what cannot work.
func ParseOptions(args []string) (*Options, error) {
	o := &Options{}
	flags := pflag.NewFlagSet("k3s agent", pflag.ContinueOnError)
	flags.StringVarP(&o.Server, "server", "s", "", "URL of the API server (required)")
	flags.StringVar(&o.BootstrapKubeconfig, "bootstrap-kubeconfig", "", "file with the bootstrap token (required to join)")
	flags.StringVar(&o.NodeName, "node-name", "", "name of the node (required)")
	flags.StringVar(&o.NodeIP, "node-ip", "", "IPv4 address of the node (required)")
	flags.StringVarP(&o.DataDir, "data-dir", "d", "/var/lib/rancher/k3s", "folder that holds the state")
	flags.StringVar(&o.CNIBinDir, "cni-bin-dir", "", "folder of the CNI plugins; found by itself when not given")
	flags.StringVar(&o.ClusterCIDR, "cluster-cidr", "", "attested addresses of pods (required)")
	flags.StringVar(&o.ServiceCIDR, "service-cidr", "", "attested addresses of Services (required)")
	flags.IntVar(&o.OverlayPort, "overlay-port", defaultOverlayPort, "UDP port where other nodes reach this one")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("Cannot start agent: unexpected argument %q", flags.Arg(0))
	}
	return o, o.complete()
}

func (o *Options) complete() (err error) {
	server, err := url.Parse(o.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" {
		return fmt.Errorf("Cannot start agent: --server %q is not an https URL", o.Server)
	}
	if problems := validation.IsDNS1123Label(o.NodeName); len(problems) > 0 {
		return fmt.Errorf("Cannot start agent: --node-name %q: %s", o.NodeName, problems[0])
	}
	if net.ParseIP(o.NodeIP).To4() == nil {
		return fmt.Errorf("Cannot start agent: --node-ip %q is not an IPv4 address", o.NodeIP)
	}
	if o.ranges, err = parseRanges(o.ClusterCIDR, o.ServiceCIDR); err != nil {
		return err
	}
	if o.DataDir, err = filepath.Abs(o.DataDir); err != nil {
		return err
	}
	if err := findPrograms(); err != nil {
		return err
	}
	return o.findCNI()
}

// findPrograms refuses a machine that lacks what the agent runs.
func findPrograms() error {
	for _, needed := range []struct{ program, use, pkg string }{
		{"mkfs.ext4", "volumes", "e2fsprogs"}, {"iptables", "isolation", "iptables"}, {"ipset", "isolation", "ipset"},
	} {
		if _, err := exec.LookPath(needed.program); err != nil {
			return fmt.Errorf("Cannot start agent: no %s for %s, install the package %s: %w", needed.program, needed.use, needed.pkg, err)
		}
	}
	return nil
}

func (o *Options) findCNI() error {
	directories := cniDirectories
	if o.CNIBinDir != "" {
		directories = []string{o.CNIBinDir}
	}
	for _, directory := range directories {
		lacks := func(plugin string) bool {
			_, err := os.Stat(filepath.Join(directory, plugin))
			return err != nil
		}
		if !slices.ContainsFunc(cniPlugins, lacks) {
			o.CNIBinDir = directory
			return nil
		}
	}
	return fmt.Errorf("Cannot start agent: no CNI plugins %v in %v, install the package containernetworking-plugins",
		cniPlugins, directories)
}

// path returns a path within the agent's part of the data directory.
func (o *Options) path(elements ...string) string {
	return filepath.Join(append([]string{o.DataDir, "agent"}, elements...)...)
}

// nodeKubeconfig is written by the kubelet; nodeCertificate holds the credential that it refers to.
func (o *Options) nodeKubeconfig() string  { return o.path("kubelet.kubeconfig") }
func (o *Options) nodeCertificate() string { return o.path("pki", "kubelet-client-current.pem") }

func (o *Options) containerdSocket() string { return o.path("containerd", "containerd.sock") }
func (o *Options) cniConfDir() string       { return o.path("cni", "net.d") }
