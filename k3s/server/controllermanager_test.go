package server

import (
	"slices"
	"testing"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	"k8s.io/kubernetes/cmd/kube-controller-manager/names"

	"daasvader/k3s/pki"
)

func TestKubernetesGivesNodesNoRanges(t *testing.T) {
	s, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		t.Fatal(err)
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parseFlags(s.Flags(known, disabled, aliases), controllerManagerArguments(&credentials{server: &pki.Authority{}})); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(known, disabled, aliases); err != nil {
		t.Fatal(err)
	}
	if s.KubeCloudShared.AllocateNodeCIDRs || !slices.Contains(s.Generic.Controllers, "-"+names.NodeIpamController) {
		t.Errorf("ranges are given: %v, controllers are %v", s.KubeCloudShared.AllocateNodeCIDRs, s.Generic.Controllers)
	}
}
