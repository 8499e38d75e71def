package server

import (
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apiserver"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/util/webhook"
	aggregator "k8s.io/kube-aggregator/pkg/apiserver/scheme"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/controlplane"
	controlplaneapiserver "k8s.io/kubernetes/pkg/controlplane/apiserver"
	"k8s.io/kubernetes/pkg/generated/openapi"
	"k8s.io/kubernetes/pkg/kubelet/client"

	"daasvader/k3s/usage"
)

// newConfig does what kube-apiserver does of its options, but lets it connect through the tunnels only. Its own flag for
// that knows proxies in other processes only, and what is set later is not asked any more.
func newConfig(o options.CompletedOptions, t *tunnel) (*app.Config, error) {
	schemes := []*runtime.Scheme{legacyscheme.Scheme, apiextensions.Scheme, aggregator.Scheme, usage.Scheme}
	generic, informers, storage, err := controlplaneapiserver.BuildGenericConfig(o.CompletedOptions, schemes,
		controlplane.DefaultAPIResourceConfigSource(), openapi.GetOpenAPIDefinitions, o.InformerName)
	if err != nil {
		return nil, err
	}
	generic.EgressSelector = t.egress()
	generic.Authorization.Authorizer = narrow{generic.Authorization.Authorizer}
	kube, services, initializers, err := app.CreateKubeAPIServerConfig(o, generic, informers, storage)
	if err != nil {
		return nil, err
	}
	// Of kubelets, and of what is proxied to, nothing is kept.
	kube.Extra.KubeletClientConfig.Lookup = t.lookup
	kube.ControlPlane.ProxyTransport.DialContext = t.dial
	common := &kube.ControlPlane
	extensions, err := controlplaneapiserver.CreateAPIExtensionsConfig(*common.Generic, common.VersionedInformers, initializers,
		o.CompletedOptions, o.MasterCount, services, webhook.NewDefaultAuthenticationInfoResolverWrapper(common.ProxyTransport,
			common.Generic.EgressSelector, common.Generic.LoopbackClientConfig, common.Generic.TracerProvider))
	if err != nil {
		return nil, err
	}
	aggregated, err := controlplaneapiserver.CreateAggregatorConfig(*common.Generic, o.CompletedOptions, common.VersionedInformers,
		services, common.ProxyTransport, common.Extra.PeerProxy, initializers)
	if err != nil {
		return nil, err
	}
	return &app.Config{Options: o, Aggregator: aggregated, KubeAPIs: kube, ApiExtensions: extensions}, nil
}

// newUsage makes what is served as metrics.k8s.io, of what kubelets tell through the tunnels.
func newUsage(kube *controlplane.Config) (*usage.Usage, error) {
	kubelets, err := client.MakeTransport(&kube.Extra.KubeletClientConfig)
	if err != nil {
		return nil, err
	}
	core := kube.ControlPlane.VersionedInformers.Core().V1()
	return usage.New(usage.Source{Nodes: core.Nodes().Lister(), Pods: core.Pods().Lister(), Kubelets: kubelets}), nil
}
