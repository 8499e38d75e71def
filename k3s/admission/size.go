package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
)

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
