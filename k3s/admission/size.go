package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

// MaxUserBytes is how large an object that users write or order may be, in bytes as it is stored, status and metadata
// included.
func MaxUserBytes(resource schema.GroupResource) int {
	switch resource {
	case schema.GroupResource{Resource: "secrets"}, schema.GroupResource{Resource: "configmaps"}:
		// Kubernetes allows 1 MiB of data; annotations are 256 KiB at most. Both are quoted in numbers per namespace.
		return 1<<20 + 256<<10
	case schema.GroupResource{Resource: "pods"}:
		return 128 << 10 // what it is, and who set which of its fields
	}
	return 256 << 10
}

// StoredSize is how many bytes the datastore will hold of an object in a version, but for a few of framing.
func StoredSize(object runtime.Object, version schema.GroupVersion) (int, error) {
	versioned, err := legacyscheme.Scheme.ConvertToVersion(object, version)
	if err != nil {
		return 0, err
	}
	sized, ok := versioned.(interface{ Size() int })
	if !ok {
		return 0, fmt.Errorf("%T has no size", versioned)
	}
	return sized.Size(), nil
}
