package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"daasvader/k3s/overlay"
	"daasvader/k3s/pki"
	"daasvader/k3s/wire"
)

const (
	joinPoll       = 50 * time.Millisecond
	configRetry    = 500 * time.Millisecond
	requestTimeout = 5 * time.Second
)

// prepareJoin writes what the kubelet bootstraps with and returns what it must know of the cluster. The answer is kept,
// so that a node which has joined starts without the server.
func prepareJoin(ctx context.Context, o *Options) (*wire.ClusterConfig, error) {
	ca, err := adoptCredentials(o)
	if err != nil {
		return nil, err
	}
	file := o.path("pki", "cluster.json")
	answer, err := fetchConfig(ctx, o, ca, file)
	if err != nil {
		return nil, err
	}
	config := &wire.ClusterConfig{}
	if err := json.Unmarshal(answer, config); err != nil {
		return nil, fmt.Errorf("Cannot read the cluster's configuration: %w", err)
	}
	if err := o.ranges.checkDNS(config.ClusterDNS); err != nil {
		return nil, err
	}
	if err := pki.WriteFile(file, answer, 0o600); err != nil {
		return nil, err
	}
	return config, pki.WriteFile(o.path("pki", "client-ca.crt"), []byte(config.ClientCA), 0o600)
}

// adoptCredentials points the kubeconfigs at hand to the server and returns the certificate, in PEM, that the server
// must have been signed by.
func adoptCredentials(o *Options) (ca []byte, err error) {
	if ca, err = pointAt(o.Server, o.nodeKubeconfig(), o.nodeKubeconfig()); err != nil {
		return nil, err
	}
	if o.BootstrapKubeconfig != "" {
		newer, err := pointAt(o.Server, o.BootstrapKubeconfig, o.path("bootstrap.kubeconfig"))
		if err != nil {
			return nil, err
		}
		if newer != nil {
			ca = newer
		}
	}
	if ca == nil {
		return nil, errors.New("Cannot join: there is no --bootstrap-kubeconfig and no credential of an earlier join")
	}
	return ca, nil
}

// pointAt copies a kubeconfig, if there is one, with its server replaced.
func pointAt(server, from, to string) (ca []byte, err error) {
	config, err := clientcmd.LoadFromFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("Cannot read %s: %w", from, err)
	}
	for _, cluster := range config.Clusters {
		if len(cluster.CertificateAuthorityData) == 0 {
			return nil, fmt.Errorf("Cannot use %s: it holds no certificate-authority-data", from)
		}
		cluster.Server, ca = server, cluster.CertificateAuthorityData
	}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return nil, err
	}
	return ca, pki.WriteFile(to, content, 0o600)
}

// fetchConfig asks the server until it answers, or returns what it answered last time.
func fetchConfig(ctx context.Context, o *Options, ca []byte, kept string) ([]byte, error) {
	config := &rest.Config{Host: o.Server, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, Timeout: requestTimeout}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		answer, err := client.Discovery().RESTClient().Get().AbsPath(wire.ConfigPath).DoRaw(ctx)
		if err == nil {
			return answer, nil
		}
		if !told {
			klog.ErrorS(err, "Cannot reach the server", "server", o.Server)
		}
		if answer, err = os.ReadFile(kept); err == nil {
			return answer, nil
		}
		select {
		case <-time.After(configRetry):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// node is this machine as a part of the cluster.
type node struct {
	options *Options
	network *network
	overlay *overlay.Overlay
	// client asks the server with the node's credential; there is none before waitJoined.
	client *client
}

func newNode(o *Options) (*node, error) {
	n := &node{options: o, network: openNetwork(o)}
	var err error
	n.overlay, err = n.newOverlay()
	return n, err
}

// waitJoined waits until the kubelet has a credential.
func (n *node) waitJoined(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, joinPoll, true, func(context.Context) (joined bool, err error) {
		if _, err := os.Stat(n.options.nodeCertificate()); err != nil {
			return false, nil
		}
		n.client, err = newClient(n.options)
		return err == nil, nil // the kubelet may be about to write the rest
	})
}

func (o *Options) restConfig() (*rest.Config, error) {
	return clientcmd.BuildConfigFromFlags("", o.nodeKubeconfig())
}
