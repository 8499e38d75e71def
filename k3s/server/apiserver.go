package server

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	cliflag "k8s.io/component-base/cli/flag"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"daasvader/k3s/pki"
	"daasvader/k3s/usage"
)

//go:embed authentication.yaml
var authenticationConfig []byte

// shutdownTimeout is how long an ending server waits for its clients, of which some may have vanished.
const shutdownTimeout = 3 * time.Second

// eventTTL is how long events are kept: long enough to see why a pod does not start, short enough that what a node may
// make of them is little.
const eventTTL = 10 * time.Minute

// apiServer is a configured kube-apiserver that does not run yet.
type apiServer struct {
	run func(context.Context) error
	// loopback is the API server's own, unrestricted client.
	loopback *rest.Config
	// usage learns what nodes and pods use while it runs.
	usage *usage.Usage
}

// newAPIServer configures kube-apiserver with our handlers in front of Kubernetes's own, and with the tunnels as its
// only way to kubelets and pods.
func newAPIServer(ctx context.Context, o *Options, c *credentials, etcdURL string, front *front) (*apiServer, error) {
	completed, err := apiServerOptions(ctx, o, c, etcdURL, front)
	if err != nil {
		return nil, fmt.Errorf("configure kube-apiserver: %w", err)
	}
	config, err := newConfig(completed, front.tunnel)
	if err != nil {
		return nil, fmt.Errorf("configure kube-apiserver: %w", err)
	}
	front.install(config)
	nodes := config.KubeAPIs.ControlPlane.VersionedInformers.Core().V1().Nodes()
	if err := front.tunnel.ranges.follow(nodes.Informer()); err != nil {
		return nil, err
	}
	used, err := newUsage(config.KubeAPIs)
	if err != nil {
		return nil, err
	}
	completedConfig, err := config.Complete()
	if err != nil {
		return nil, err
	}
	chain, err := app.CreateServerChain(completedConfig)
	if err != nil {
		return nil, fmt.Errorf("create kube-apiserver: %w", err)
	}
	if err := used.Install(chain.GenericAPIServer); err != nil {
		return nil, fmt.Errorf("serve metrics: %w", err)
	}
	chain.GenericAPIServer.ShutdownTimeout = shutdownTimeout
	prepared, err := chain.PrepareRun()
	if err != nil {
		return nil, err
	}
	return &apiServer{prepared.Run, config.KubeAPIs.ControlPlane.Generic.LoopbackClientConfig, used}, nil
}

func (f *front) install(config *app.Config) {
	f.authenticator = config.KubeAPIs.ControlPlane.Generic.Authentication.Authenticator
	generic := config.Aggregator.GenericConfig
	f.authorizer = generic.Authorization.Authorizer
	build := generic.BuildHandlerChainFunc
	generic.BuildHandlerChainFunc = func(api http.Handler, c *genericapiserver.Config) http.Handler {
		goesOn := c.LongRunningFunc
		c.LongRunningFunc = func(r *http.Request, info *request.RequestInfo) bool { return isNetworkStream(r) || goesOn(r, info) }
		identified := identify(c)
		kubernetes := refuseGrowth(build(f.ongoing.wrap(api, c.LongRunningFunc), c), f.fill, c.RequestInfoResolver, c.Serializer)
		charged := f.wrapCharged(refuseImpersonation(kubernetes, c), c)
		return f.wrap(identified(f.budget.wrap(charged, c)))
	}
}

func apiServerOptions(ctx context.Context, o *Options, c *credentials, etcdURL string, front *front) (options.CompletedOptions, error) {
	none := options.CompletedOptions{}
	if err := pki.WriteFile(o.path("etc", "authentication.yaml"), authenticationConfig, 0o600); err != nil {
		return none, err
	}
	if err := writeAdmission(o); err != nil {
		return none, err
	}
	s := options.NewServerRunOptions()
	addPlugins(s.Admission.GenericAdmission, plugins(o, front.budget))
	if err := parseFlags(s.Flags(), apiServerArguments(o, c, etcdURL)); err != nil {
		return none, err
	}
	if err := s.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return none, err
	}
	informerName, err := cache.NewInformerName("kube-apiserver")
	if err != nil {
		return none, err
	}
	s.InformerName = informerName
	completed, err := s.Complete(ctx)
	if err != nil {
		return none, err
	}
	return completed, utilerrors.NewAggregate(completed.Validate())
}

func apiServerArguments(o *Options, c *credentials, etcdURL string) []string {
	return []string{
		"--admission-control-config-file=" + o.path("etc", "admission.yaml"),
		"--advertise-address=" + o.localHost(),
		"--allow-privileged=true", // what a tenant's pod may do is decided by pod security admission
		"--authentication-config=" + o.path("etc", "authentication.yaml"),
		"--authorization-mode=Node,RBAC",
		"--bind-address=" + o.BindAddress,
		"--client-ca-file=" + c.client.CertFile,
		"--enable-admission-plugins=NodeRestriction",
		"--enable-aggregator-routing=true", // to a Service's pods: nobody here answers at its own address
		"--enable-bootstrap-token-auth=true",
		"--endpoint-reconciler-type=none", // nobody can reach the address that the enclave listens on
		"--etcd-servers=" + etcdURL,
		"--event-ttl=" + eventTTL.String(),
		"--kubelet-certificate-authority=" + c.kubeletServing.CertFile,
		"--kubelet-client-certificate=" + c.kubeletClientCert,
		"--kubelet-client-key=" + c.kubeletKey,
		"--kubelet-preferred-address-types=Hostname",
		"--profiling=false",
		"--proxy-client-cert-file=" + c.proxyClientCert,
		"--proxy-client-key-file=" + c.proxyClientKey,
		"--requestheader-allowed-names=system:auth-proxy",
		"--requestheader-client-ca-file=" + c.requestHeader.CertFile,
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		fmt.Sprintf("--secure-port=%d", o.HTTPSPort),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.serviceKey,
		"--service-account-signing-key-file=" + c.serviceKey,
		"--service-cluster-ip-range=" + o.ServiceCIDR,
		"--tls-cert-file=" + c.servingCert,
		"--tls-min-version=VersionTLS13",
		"--tls-private-key-file=" + c.servingKey,
	}
}

// parseFlags sets a component's options the way its command line does.
func parseFlags(named cliflag.NamedFlagSets, args []string) error {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	for _, set := range named.FlagSets {
		all.AddFlagSet(set)
	}
	return all.Parse(args)
}
