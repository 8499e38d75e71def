package usage

import (
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/metrics/pkg/apis/metrics"
	"k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func TestTheVersionThatDiscoveryPrefersIsServed(t *testing.T) {
	versions := Scheme.PrioritizedVersionsForGroup(metrics.GroupName)
	if !slices.Equal(versions, []schema.GroupVersion{v1beta1.SchemeGroupVersion}) {
		t.Errorf("%v", versions)
	}
}
