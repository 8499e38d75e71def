package server

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"text/template"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	netutils "k8s.io/utils/net"
)

//go:embed objects.yaml
var objectsTemplate string

// clusterDNSIndex is the position of the DNS address in the service range.
const clusterDNSIndex = 10

// applyObjects makes the cluster's fixed objects be as objects.yaml says.
func applyObjects(ctx context.Context, config *rest.Config, o *Options) error {
	objects, err := fixedObjects(o)
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	found, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	for _, object := range objects {
		kind := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return err
		}
		_, err = client.Resource(mapping.Resource).Namespace(object.GetNamespace()).
			Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "k3s", Force: true})
		if err != nil {
			return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
		}
	}
	return nil
}

func fixedObjects(o *Options) ([]*unstructured.Unstructured, error) {
	dns, err := clusterDNS(o.ServiceCIDR)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := template.Must(template.New("").Parse(objectsTemplate)).Execute(&text, struct{ ClusterDNS string }{dns}); err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(&text, 4096)
	for {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects, nil
		case err != nil:
			return nil, err
		}
		objects = append(objects, object)
	}
}

func clusterDNS(serviceCIDR string) (string, error) {
	_, services, err := net.ParseCIDR(serviceCIDR)
	if err != nil {
		return "", err
	}
	ip, err := netutils.GetIndexedIP(services, clusterDNSIndex)
	if err != nil {
		return "", err
	}
	return ip.String(), nil
}
