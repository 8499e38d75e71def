package server

import (
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/server/options"

	own "daasvader/k3s/admission"
)

// plugins are the admission plugins of our own. They are always on, for everybody, and judge before Kubernetes's.
var plugins = []struct {
	name    string
	factory admission.Factory
}{
	{own.CanonicalRequestsName, own.NewCanonicalRequests},
}

func addPlugins(o *options.AdmissionOptions) {
	order := make([]string, 0, len(plugins)+len(o.RecommendedPluginOrder))
	for _, plugin := range plugins {
		o.Plugins.Register(plugin.name, plugin.factory)
		order = append(order, plugin.name)
	}
	o.RecommendedPluginOrder = append(order, o.RecommendedPluginOrder...)
}
