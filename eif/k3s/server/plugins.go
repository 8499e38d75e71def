package server

import (
	"io"

	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/server/options"
)

// addPlugins adds the admission plugins of our own. They are always on, for everybody, and judge before Kubernetes's.
func addPlugins(o *options.AdmissionOptions, b *budget) {
	plugins := []struct {
		name    string
		factory admission.Factory
	}{
		{"ObjectSizes", func(io.Reader) (admission.Interface, error) { return newSizes(b.charge), nil }},
		{"PendingSigningRequests", func(io.Reader) (admission.Interface, error) { return newPendingRequests(), nil }},
	}
	order := make([]string, 0, len(plugins)+len(o.RecommendedPluginOrder))
	for _, plugin := range plugins {
		o.Plugins.Register(plugin.name, plugin.factory)
		order = append(order, plugin.name)
	}
	o.RecommendedPluginOrder = append(order, o.RecommendedPluginOrder...)
}
