package server

import (
	"context"
	"net"
	"os"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	netutils "k8s.io/utils/net"

	"daasvader/k3s/kubeconfig"
	"daasvader/k3s/pki"
)

// renewEvery is how often certificates are looked at; those in the second half of their life are signed anew.
const renewEvery = 24 * time.Hour

// kubeletClientName is the user as whom the API server calls kubelets.
const kubeletClientName = "kube-apiserver-kubelet-client"

// credentials are the cluster's authorities and the files they signed. Each authority vouches for one thing only: the
// server authority signs nothing but the certificate of the API server's port.
type credentials struct {
	server, client, kubeletServing, requestHeader *pki.Authority

	serviceKey                      string
	servingCert, servingKey         string
	kubeletClientCert, kubeletKey   string
	proxyClientCert, proxyClientKey string
	controllerConfig                string
	schedulerConfig                 string
}

func loadOrCreateCredentials(o *Options) (*credentials, error) {
	for _, dir := range []string{o.path("tls"), o.path("cred"), o.path("db")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	c := &credentials{serviceKey: o.path("tls", "service.key")}
	if _, err := pki.LoadOrCreateKey(c.serviceKey); err != nil {
		return nil, err
	}
	if err := c.loadAuthorities(o); err != nil {
		return nil, err
	}
	return c, c.issue(o)
}

func (c *credentials) loadAuthorities(o *Options) (err error) {
	for _, a := range []struct {
		authority **pki.Authority
		name      string
	}{
		{&c.server, "server-ca"},
		{&c.client, "client-ca"},
		{&c.kubeletServing, "kubelet-serving-ca"},
		{&c.requestHeader, "request-header-ca"},
	} {
		if *a.authority, err = pki.LoadOrCreateAuthority(o.path("tls", a.name), "daasvader-"+a.name); err != nil {
			return err
		}
	}
	return nil
}

func (c *credentials) issue(o *Options) (err error) {
	hosts, err := servingHosts(o)
	if err != nil {
		return err
	}
	c.servingCert, c.servingKey, err = c.server.Issue(o.path("tls", "serving-kube-apiserver"),
		pki.Leaf{CommonName: "kube-apiserver", Hosts: hosts})
	if err != nil {
		return err
	}
	c.kubeletClientCert, c.kubeletKey, err = c.client.Issue(o.path("tls", "client-kube-apiserver"),
		pki.Leaf{CommonName: kubeletClientName})
	if err != nil {
		return err
	}
	c.proxyClientCert, c.proxyClientKey, err = c.requestHeader.Issue(o.path("tls", "client-auth-proxy"),
		pki.Leaf{CommonName: "system:auth-proxy"})
	if err != nil {
		return err
	}
	c.controllerConfig, err = c.componentConfig(o, "controller", pki.Leaf{CommonName: "system:kube-controller-manager"})
	if err != nil {
		return err
	}
	c.schedulerConfig, err = c.componentConfig(o, "scheduler", pki.Leaf{CommonName: "system:kube-scheduler"})
	return err
}

// keepFresh renews what a running server needs, long before it ends; whoever uses it reads the files again. One day
// without renewing costs nothing, so what fails is told and tried again on the next.
func (c *credentials) keepFresh(ctx context.Context, o *Options) error {
	return wait.PollUntilContextCancel(ctx, renewEvery, false, func(context.Context) (bool, error) {
		renewed := *c
		err := renewed.issue(o)
		if err == nil {
			err = renewed.writeAdminConfig(o)
		}
		if err != nil {
			klog.ErrorS(err, "Cannot renew the server's own certificates")
		}
		return false, nil
	})
}

func (c *credentials) componentConfig(o *Options, name string, leaf pki.Leaf) (string, error) {
	file := o.path("cred", name+".kubeconfig")
	certFile, keyFile, err := c.client.Issue(o.path("tls", "client-"+name), leaf)
	if err != nil {
		return "", err
	}
	ca, err := os.ReadFile(c.server.CertFile)
	if err != nil {
		return "", err
	}
	return file, kubeconfig.Write(file, kubeconfig.Config{
		Server: o.localURL(), CAData: ca, CertFile: certFile, KeyFile: keyFile,
	})
}

// writeAdminConfig makes the cluster administrator's kubeconfig. It is written when the cluster can be used, so that
// its existence says so.
func (c *credentials) writeAdminConfig(o *Options) error {
	_, err := c.componentConfig(o, "admin", pki.Leaf{CommonName: "system:admin", Organizations: []string{"system:masters"}})
	return err
}

func servingHosts(o *Options) ([]string, error) {
	_, services, err := net.ParseCIDR(o.ServiceCIDR)
	if err != nil {
		return nil, err
	}
	kubernetesIP, err := netutils.GetIndexedIP(services, 1)
	if err != nil {
		return nil, err
	}
	hosts := append([]string{
		"localhost", "127.0.0.1", kubernetesIP.String(),
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}, o.TLSSans...)
	hosts = append(hosts, o.localHost())
	slices.Sort(hosts)
	return slices.Compact(hosts), nil
}
