package server

import (
	"io"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/server/options"

	own "daasvader/k3s/admission"
)

// plugins are the admission plugins of our own. They are always on, for everybody, and judge before Kubernetes's.
func plugins(o *Options, b *budget) []plugin {
	return []plugin{
		{own.GateName, func(io.Reader) (admission.Interface, error) { return own.NewGate(b.mayTry), nil }},
		{own.BoundsName, func(io.Reader) (admission.Interface, error) { return own.NewBounds(), nil }},
		{own.StampName, func(io.Reader) (admission.Interface, error) { return own.NewStamp(), nil }},
		{own.TenantPodsName, func(io.Reader) (admission.Interface, error) { return own.NewTenantPods(), nil }},
		{own.CanonicalRequestsName, own.NewCanonicalRequests},
		{own.NodesName, func(io.Reader) (admission.Interface, error) { return own.NewNodes(o.cluster, o.services), nil }},
		{"ObjectSizes", func(io.Reader) (admission.Interface, error) { return newSizes(b.charge), nil }},
		{"PendingSigningRequests", func(io.Reader) (admission.Interface, error) { return newPendingRequests(), nil }},
	}
}

type plugin struct {
	name    string
	factory admission.Factory
}

func addPlugins(a *options.AdmissionOptions, plugins []plugin) {
	order := make([]string, 0, len(plugins)+len(a.RecommendedPluginOrder))
	for _, plugin := range plugins {
		a.Plugins.Register(plugin.name, plugin.factory)
		order = append(order, plugin.name)
	}
	a.RecommendedPluginOrder = append(order, a.RecommendedPluginOrder...)
}
