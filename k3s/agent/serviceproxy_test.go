package agent

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"daasvader/k3s/wire"
)

// inOwnNetwork runs the test in a process with a network of its own: kube-proxy's threads cannot be kept in one.
func inOwnNetwork(t *testing.T) (inside bool) {
	const mark = "K3S_TEST_IN_OWN_NETWORK"
	if os.Getenv(mark) != "" {
		loopback, err := netlink.LinkByName("lo")
		if err == nil {
			err = netlink.LinkSetUp(loopback)
		}
		if err != nil {
			t.Fatal(err)
		}
		return true
	}
	test := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	test.Env = append(os.Environ(), mark+"=1")
	test.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := test.CombinedOutput()
	t.Logf("%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS") {
		t.Fatal(err)
	}
	return false
}

// natRules waits until the rules for Services are as wanted, and fails when they never are.
func natRules(t *testing.T, wanted func(rules []string) bool) []string {
	t.Helper()
	var out []byte
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		if out, err = exec.Command("iptables-save", "-t", "nat").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if rules := strings.Split(string(out), "\n"); wanted(rules) {
			return rules
		}
	}
	t.Fatalf("the rules are\n%s", out)
	return nil
}

// have says whether for each text there is a rule with it.
func have(texts ...string) func([]string) bool {
	return func(rules []string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !contains(rules, text) })
	}
}

func lack(text string) func([]string) bool {
	return func(rules []string) bool { return !contains(rules, text) }
}

func contains(rules []string, text string) bool {
	return slices.ContainsFunc(rules, func(rule string) bool { return strings.Contains(rule, text) })
}

func proxiedService(name, address string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: name}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeClusterIP, ClusterIP: address, ClusterIPs: []string{address},
		IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
		Ports:      []corev1.ServicePort{{Port: 80, Protocol: corev1.ProtocolTCP}},
	}}
}

func sliceOf(name string, addresses ...string) discoveryv1.EndpointSlice {
	s := discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "team-a", Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: ptr.To(""), Port: ptr.To[int32](8080), Protocol: ptr.To(corev1.ProtocolTCP)}},
	}
	for _, address := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}})
	}
	return s
}

func TestRulesOfServicesFollowTheNetwork(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	p, err := newServiceProxy(context.Background(), testOptions(t), testRange)
	if err != nil {
		t.Fatal(err)
	}
	go p.rules.SyncLoop()
	const web, toWeb, toTwo = "10.80.0.9", "--to-destination 10.64.1.2:8080", "--to-destination 10.64.2.9:8080"
	network := wire.Network{
		Services:       map[string]corev1.Service{"team-a/web": proxiedService("web", web)},
		EndpointSlices: map[string]discoveryv1.EndpointSlice{"team-a/web-1": sliceOf("web", "10.64.1.2")},
	}
	p.update(network)
	rules := natRules(t, have(web+"/32", toWeb))
	if contains(rules, toTwo) || !contains(rules, "! -s "+testRange) {
		t.Errorf("the rules are\n%s", strings.Join(rules, "\n"))
	}

	network.EndpointSlices = map[string]discoveryv1.EndpointSlice{"team-a/web-1": sliceOf("web", "10.64.1.2", "10.64.2.9")}
	p.update(network)
	natRules(t, have(toWeb, toTwo))

	network.EndpointSlices = map[string]discoveryv1.EndpointSlice{"team-a/web-1": sliceOf("web", "10.64.2.9")}
	p.update(network)
	natRules(t, func(rules []string) bool { return have(toTwo)(rules) && lack(toWeb)(rules) })

	affine := proxiedService("web", web)
	affine.Spec.SessionAffinity = corev1.ServiceAffinityClientIP
	affine.Spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: ptr.To[int32](600)}}
	network.Services = map[string]corev1.Service{"team-a/web": affine}
	p.update(network)
	natRules(t, have("-m recent --rcheck --seconds 600"))

	network.Services, network.EndpointSlices = nil, nil
	p.update(network)
	natRules(t, func(rules []string) bool { return lack(web+"/32")(rules) && lack(toTwo)(rules) })
}

func TestHeadlessAndForeignServicesHaveNoRules(t *testing.T) {
	headless, foreign := proxiedService("db", corev1.ClusterIPNone), proxiedService("mesh", "10.80.0.9")
	foreign.Labels = map[string]string{"service.kubernetes.io/service-proxy-name": "mesh"}
	external := corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName}}
	for _, service := range []corev1.Service{headless, foreign, external} {
		if isProxied(service) {
			t.Errorf("%s is proxied", service.Name)
		}
	}
}
