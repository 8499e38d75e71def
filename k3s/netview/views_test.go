package netview

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"daasvader/k3s/policies"
	"daasvader/k3s/wire"
)

// fixture is views of a cluster that a test makes up, with a clock of its own.
type fixture struct {
	*Views
	t     testing.TB
	clock time.Time
}

func newFixture(t testing.TB) *fixture {
	f := &fixture{t: t, clock: time.Unix(1_800_000_000, 0)}
	f.Views = New(Options{
		Cluster:   netip.MustParsePrefix("10.64.0.0/12"),
		Services:  netip.MustParsePrefix("10.96.0.0/16"),
		Challenge: keyOf("challenge"),
	})
	f.now = func() time.Time { return f.clock }
	return f
}

// put stores objects as the informers would hand them over.
func (f *fixture) put(objects ...any) {
	f.t.Helper()
	for _, object := range objects {
		small, err := cut(object)
		if err != nil {
			f.t.Fatal(err)
		}
		f.change(func() { f.set(small) })
	}
}

func (f *fixture) remove(objects ...any) {
	for _, object := range objects {
		f.change(func() { f.delete(object) })
	}
}

// seen is what a node knows, once it has been told.
func (f *fixture) seen(name string) wire.Network {
	f.clock = f.clock.Add(relaysEvery)
	f.refresh()
	follower := f.Follow(name)
	defer follower.Close()
	view, _ := follower.Current()
	return wire.Network{}.Apply(view.Since(nil))
}

func keyOf(name string) (key wire.WireGuardKey) {
	copy(key[:], name)
	return key
}

func nodeNamed(name string, third int, endpoints ...netip.AddrPort) *corev1.Node {
	annotations := map[string]string{KeyAnnotation: keyOf(name).String(), EndpointsAnnotation: FormatEndpoints(endpoints)}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: annotations},
		Spec:       corev1.NodeSpec{PodCIDR: fmt.Sprintf("10.64.%d.0/24", third)},
	}
}

func tenants(name, owner string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:        name,
		Labels:      map[string]string{policies.TenantLabel: "true", corev1.LabelMetadataName: name},
		Annotations: map[string]string{requesterAnnotation: owner},
	}}
}

func open(name string) *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}}
}

func podOn(node, namespace, name, address string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": name}},
		Spec:       corev1.PodSpec{NodeName: node},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address},
	}
}

func serviceNamed(namespace, name, ip string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{"secret": "plan"}},
		Spec:       corev1.ServiceSpec{ClusterIP: ip, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
}

func sliceOf(namespace, service string, addresses ...string) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: service + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: service},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{address}})
	}
	return slice
}

// opens is a policy of a namespace that lets others in.
func opens(namespace, name string, to ...string) *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + name)}}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	for _, other := range to {
		selector := &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: other}}
		policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{
			From: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: selector}},
		})
	}
	return policy
}

func keys[T any](things map[string]T) []string {
	names := []string{}
	for name := range things {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func wants(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) && len(got)+len(want) > 0 {
		t.Errorf("%s are %v, want %v", what, got, want)
	}
}

// twoTenants is a cluster where a and b run pods of alice, b and c pods of bob, and d those of nobody.
func twoTenants(t testing.TB) *fixture {
	f := newFixture(t)
	f.put(nodeNamed("a", 1), nodeNamed("b", 2), nodeNamed("c", 3), nodeNamed("d", 4))
	f.put(open("default"), serviceNamed("default", "kubernetes", "10.96.0.1"), serviceNamed("default", "other", "10.96.0.2"))
	f.put(tenants("alice", "0xa"), tenants("alice-2", "0xa"), tenants("bob", "0xb"))
	f.put(podOn("a", "alice", "web", "10.64.1.2"), podOn("b", "alice", "db", "10.64.2.2"))
	f.put(podOn("b", "bob", "web", "10.64.2.3"), podOn("c", "bob", "db", "10.64.3.2"))
	f.put(serviceNamed("alice", "web", "10.96.1.1"), sliceOf("alice", "web", "10.64.1.2"))
	f.put(serviceNamed("bob", "web", "10.96.2.1"), sliceOf("bob", "web", "10.64.2.3"))
	return f
}

func TestANodeKnowsTheNamespacesThatItRunsAndNothingElse(t *testing.T) {
	f := twoTenants(t)
	a := f.seen("a")
	wants(t, "peers", keys(a.Peers), "b")
	wants(t, "namespaces", keys(a.Namespaces), "alice", "default")
	wants(t, "pods", keys(a.Pods), "10.64.1.2", "10.64.2.2")
	wants(t, "services", keys(a.Services), "alice/web", "default/kubernetes")
	wants(t, "slices", keys(a.EndpointSlices), "alice/web-1")
	if a.Namespaces["alice"].Owner != "0xa" || a.Namespaces["default"].Owner != "" {
		t.Errorf("owners are %v", a.Namespaces)
	}
	if want := netip.MustParsePrefix("10.64.2.0/24"); a.Peers["b"].Range != want || a.Peers["b"].Address != wire.OwnAddress(want) || a.Peers["b"].Key != keyOf("b") {
		t.Errorf("peer is %v", a.Peers["b"])
	}
	if self := a.Self; self.Range.String() != "10.64.1.0/24" || self.Key != keyOf("a") || self.Challenge != keyOf("challenge") {
		t.Errorf("self is %v", self)
	}
	b := f.seen("b")
	wants(t, "peers", keys(b.Peers), "a", "c")
	wants(t, "pods", keys(b.Pods), "10.64.1.2", "10.64.2.2", "10.64.2.3", "10.64.3.2")
	d := f.seen("d")
	wants(t, "peers", keys(d.Peers))
	wants(t, "pods", keys(d.Pods))
	wants(t, "services", keys(d.Services), "default/kubernetes")
	stranger := f.seen("stranger")
	if !reflect.DeepEqual(stranger.Self, wire.Self{Challenge: keyOf("challenge")}) || len(stranger.Services)+len(stranger.Namespaces) > 0 {
		t.Errorf("a node without an object sees %v", stranger)
	}
}

func TestServicesAndSlicesAreCutToWhatIsRead(t *testing.T) {
	f := twoTenants(t)
	a := f.seen("a")
	service, slice := a.Services["alice/web"], a.EndpointSlices["alice/web-1"]
	if service.Annotations != nil || service.Spec.Selector != nil || service.Spec.ClusterIP != "10.96.1.1" || len(service.Spec.Ports) != 1 {
		t.Errorf("service is %v", service)
	}
	if slice.ManagedFields != nil || slice.Labels[discoveryv1.LabelServiceName] != "web" || *slice.Endpoints[0].NodeName != "a" {
		t.Errorf("slice is %v", slice)
	}
}

func TestOpenNamespacesAreKnownToAllWhoRunOne(t *testing.T) {
	f := twoTenants(t)
	f.put(open("tools"), podOn("c", "default", "x", "10.64.3.9"), podOn("d", "tools", "y", "10.64.4.9"))
	d := f.seen("d")
	wants(t, "peers", keys(d.Peers), "c")
	wants(t, "pods", keys(d.Pods), "10.64.3.9", "10.64.4.9")
	wants(t, "namespaces", keys(d.Namespaces), "default", "tools")
	wants(t, "services", keys(d.Services), "default/kubernetes", "default/other")
	f.remove(podOn("d", "tools", "y", ""))
	wants(t, "services", keys(f.seen("d").Services), "default/kubernetes")
	wants(t, "peers", keys(f.seen("d").Peers))
	wants(t, "peers of c", keys(f.seen("c").Peers), "b")
}

func TestAPolicyLinksNamespacesOfOneOwnerAndNoOthers(t *testing.T) {
	f := twoTenants(t)
	f.put(podOn("d", "alice-2", "ask", "10.64.4.2"))
	wants(t, "pods", keys(f.seen("d").Pods), "10.64.4.2")
	for _, opening := range []*networkingv1.NetworkPolicy{opens("alice", "in", "alice-2", "bob"), opens("alice-2", "in", "alice", "bob")} {
		f.put(opening)
		wants(t, "pods", keys(f.seen("d").Pods), "10.64.1.2", "10.64.2.2", "10.64.4.2")
		wants(t, "pods", keys(f.seen("a").Pods), "10.64.1.2", "10.64.2.2", "10.64.4.2")
		wants(t, "peers", keys(f.seen("d").Peers), "a", "b")
		wants(t, "pods of bob's", keys(f.seen("c").Pods), "10.64.2.3", "10.64.3.2")
		f.remove(opening)
		wants(t, "pods", keys(f.seen("d").Pods), "10.64.4.2")
		wants(t, "peers", keys(f.seen("d").Peers))
	}
}

func TestPoliciesAreCompiledForTheNodesPodsAndFollowThem(t *testing.T) {
	f := twoTenants(t)
	f.put(podOn("d", "alice-2", "ask", "10.64.4.2"), opens("alice", "in", "alice-2"))
	policy := f.seen("a").Policies["alicein"]
	if !slices.Equal(policy.Pods, []netip.Addr{netip.MustParseAddr("10.64.1.2")}) || !slices.Equal(policy.Ingress[0].Pods, []netip.Addr{netip.MustParseAddr("10.64.4.2")}) {
		t.Errorf("policy is %v", policy)
	}
	wants(t, "policies", keys(f.seen("d").Policies))
	f.put(podOn("d", "alice-2", "more", "10.64.4.3"))
	if policy := f.seen("a").Policies["alicein"]; len(policy.Ingress[0].Pods) != 2 {
		t.Errorf("policy is %v", policy)
	}
	f.remove(opens("alice", "in"))
	wants(t, "policies", keys(f.seen("a").Policies))
}

func TestAPodsAddressIsOneOfItsNodesRangeAndNobodyElses(t *testing.T) {
	for _, claimed := range []string{
		"10.64.2.9", "10.64.1.0", "10.64.1.1", "10.64.1.255", "169.254.169.254", "127.0.0.1", "10.96.0.1", "::ffff:10.64.1.9", "fe80::1", "10.64.1.09", "",
	} {
		f := twoTenants(t)
		f.put(podOn("a", "alice", "lie", claimed), sliceOf("alice", "lie", claimed))
		wants(t, "pods", keys(f.seen("b").Pods), "10.64.1.2", "10.64.2.2", "10.64.2.3", "10.64.3.2")
		if slice := f.seen("b").EndpointSlices["alice/lie-1"]; len(slice.Endpoints) > 0 {
			t.Errorf("%s: slice is %v", claimed, slice)
		}
	}
	f := twoTenants(t)
	f.put(podOn("a", "bob", "thief", "10.64.1.2")) // of another tenant, with the address of a pod that runs
	if pod := f.seen("a").Pods["10.64.1.2"]; pod.Namespace != "alice" {
		t.Errorf("pod is %v", pod)
	}
	wants(t, "pods", keys(f.seen("c").Pods), "10.64.2.3", "10.64.3.2")
	follower := f.Follow("a")
	before, _ := follower.Current()
	f.remove(podOn("a", "alice", "web", ""))
	f.refresh()
	after, _ := follower.Current()
	if pod := (wire.Network{}).Apply(before.Since(nil)).Apply(after.Since(before)).Pods["10.64.1.2"]; pod.Namespace != "bob" {
		t.Errorf("pod is %v", pod)
	}
}

func TestEndpointsArePodsOfTheirNamespace(t *testing.T) {
	f := twoTenants(t)
	f.put(sliceOf("alice", "web", "10.64.1.2", "10.64.2.3", "8.8.8.8", "10.96.0.1"), podOn("a", "tools", "x", "10.64.1.7"))
	f.put(open("tools"), sliceOf("tools", "y", "192.168.1.7", "169.254.169.254", "10.64.2.3", "10.64.1.7"))
	addresses := func(slice discoveryv1.EndpointSlice) (all []string) {
		for _, endpoint := range slice.Endpoints {
			all = append(all, endpoint.Addresses...)
		}
		return all
	}
	wants(t, "endpoints", addresses(f.seen("a").EndpointSlices["alice/web-1"]), "10.64.1.2")
	wants(t, "endpoints", addresses(f.seen("a").EndpointSlices["tools/y-1"]), "192.168.1.7", "10.64.1.7")
}

func TestEndedAndHostNetworkPodsHaveNoAddress(t *testing.T) {
	f := twoTenants(t)
	done, host := podOn("a", "alice", "web", "10.64.1.2"), podOn("b", "alice", "db", "10.64.2.2")
	done.Status.Phase, host.Spec.HostNetwork = corev1.PodSucceeded, true
	f.put(done, host)
	wants(t, "pods", keys(f.seen("a").Pods))
	wants(t, "namespaces", keys(f.seen("a").Namespaces), "default")
}

func TestAPodThatItsNodeDoesNotEndIsNobodysSoonAfterItIsDeleted(t *testing.T) {
	f := twoTenants(t)
	deleted := podOn("b", "alice", "db", "10.64.2.2")
	deadline := metav1.NewTime(f.clock.Add(30 * time.Second))
	deleted.DeletionTimestamp = &deadline
	f.put(deleted)
	wants(t, "pods, as long as it may live", keys(f.seen("a").Pods), "10.64.1.2", "10.64.2.2")
	f.clock = deadline.Add(overdueAfter)
	wants(t, "pods, when it should have ended", keys(f.seen("a").Pods), "10.64.1.2")
	wants(t, "namespaces of its node", keys(f.seen("b").Namespaces), "bob", "default")
	f.put(deleted) // whatever its node says of it since
	wants(t, "pods, when its node says that it lives", keys(f.seen("a").Pods), "10.64.1.2")
	f.remove(deleted)
	f.put(podOn("b", "alice", "db", "10.64.2.2"))
	wants(t, "pods, when there is one of its name", keys(f.seen("a").Pods), "10.64.1.2", "10.64.2.2")
	if len(f.ending) > 0 {
		t.Errorf("%d pods are waited for that are not there", len(f.ending))
	}
}

func TestWhoIsRevokedOrDeletedLeavesAllViewsWithItsPods(t *testing.T) {
	for name, leave := range map[string]func(*fixture){
		"revoked":  func(f *fixture) { f.Revoke(map[string]bool{"b": true}) },
		"deleted":  func(f *fixture) { f.remove(nodeNamed("b", 2)) },
		"no range": func(f *fixture) { n := nodeNamed("b", 2); n.Spec.PodCIDR = ""; f.put(n) },
		"range of another": func(f *fixture) {
			n := nodeNamed("b", 2)
			n.Spec.PodCIDR = "10.64.4.0/24"
			f.put(n)
		},
		"range beyond the cluster": func(f *fixture) { n := nodeNamed("b", 2); n.Spec.PodCIDR = "10.0.2.0/24"; f.put(n) },
	} {
		f := twoTenants(t)
		leave(f)
		wants(t, name+": peers", keys(f.seen("a").Peers))
		wants(t, name+": pods", keys(f.seen("a").Pods), "10.64.1.2")
		b := f.seen("b")
		wants(t, name+": what it sees", slices.Concat(keys(b.Peers), keys(b.Pods), keys(b.Namespaces), keys(b.Services)))
		f.Revoke(nil)
		f.put(nodeNamed("b", 2))
		wants(t, name+", back: peers", keys(f.seen("a").Peers), "b")
		wants(t, name+", back: pods", keys(f.seen("a").Pods), "10.64.1.2", "10.64.2.2")
	}
}

func TestATenantsNamespaceThatDoesNotSayWhoseIsNobodyElses(t *testing.T) {
	f := twoTenants(t)
	f.put(tenants("alice", ""), open("tools"), podOn("d", "tools", "x", "10.64.4.2"))
	if owner := f.seen("a").Namespaces["alice"].Owner; owner != "unknown:alice" {
		t.Errorf("owner is %q", owner)
	}
	wants(t, "pods", keys(f.seen("d").Pods), "10.64.4.2")
}

// TestWhatNodesAreToldAddsUpToWhatThereIs changes a cluster at random. Whoever was told of the changes alone, from any
// view that is kept, then knows what one does who is told everything, and what one who looks at all objects finds.
func TestWhatNodesAreToldAddsUpToWhatThereIs(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		f := newFixture(t)
		told := map[string]wire.Network{}
		pick := func(from ...string) string { return from[random.IntN(len(from))] }
		for range 300 {
			namespace, name := pick("alice", "alice-2", "bob", "tools", "default"), pick("x", "y", "z", "kubernetes")
			third := random.IntN(4) + 1
			address := fmt.Sprintf("10.64.%d.%d", third, random.IntN(4)+1)
			object := []any{
				nodeNamed(pick("a", "b", "c", "d"), third, netip.AddrPortFrom(netip.MustParseAddr("25.0.0.1"), uint16(third))),
				map[string]any{
					"alice": tenants("alice", "0xa"), "alice-2": tenants("alice-2", pick("0xa", "0xb")), "bob": tenants("bob", "0xb"),
					"tools": open("tools"), "default": open("default"),
				}[namespace],
				podOn(string(rune('a'+third-1)), namespace, name, address),
				podOn(pick("a", "b", "c", "d", "e"), namespace, name, address),
				serviceNamed(namespace, name, address),
				sliceOf(namespace, name, address, "192.168.0.1"),
				opens(namespace, name, pick("alice", "alice-2", "bob", "tools"), pick("alice", "default")),
			}[random.IntN(7)]
			switch random.IntN(8) {
			case 0:
				f.remove(object)
			case 1:
				f.Revoke(map[string]bool{pick("a", "b", "nobody"): true})
			case 2:
				f.Report(pick("a", "b"), wire.NetworkReport{Reached: []string{pick("c", "d")}, Failed: []string{pick("a", "b")}})
			default:
				f.put(object)
			}
			if random.IntN(3) > 0 {
				continue
			}
			f.clock = f.clock.Add(time.Second)
			f.refresh()
			for _, node := range []string{"a", "b", "c", "d", "e"} {
				follower := f.Follow(node)
				view, _ := follower.Current()
				whole := wire.Network{}.Apply(view.Since(nil))
				told[node] = told[node].Apply(view.Since(follower.At(told[node].Version)))
				follower.Close()
				if got, want := plain(told[node]), plain(whole); !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: node %s was told\n%v\nof\n%v", seed, node, got, want)
				}
				checkAgainstObjects(t, f, node, whole)
			}
		}
	}
}

// plain is a network in which nothing there and nothing is the same.
func plain(n wire.Network) map[string]any {
	all := map[string]any{"version": n.Version, "self": n.Self}
	addAll := func(kind string, things map[string]any) {
		for key, thing := range things {
			all[kind+key] = thing
		}
	}
	addAll("peer ", anyOf(n.Peers))
	addAll("namespace ", anyOf(n.Namespaces))
	addAll("pod ", anyOf(n.Pods))
	addAll("service ", anyOf(n.Services))
	addAll("slice ", anyOf(n.EndpointSlices))
	addAll("policy ", anyOf(n.Policies))
	return all
}

func anyOf[T any](things map[string]T) map[string]any {
	all := map[string]any{}
	for key, thing := range things {
		all[key] = thing
	}
	return all
}

// checkAgainstObjects compares a network with what the objects say, by looking at each of them.
func checkAgainstObjects(t *testing.T, f *fixture, name string, network wire.Network) {
	t.Helper()
	self := f.nodes[name]
	isMember := func(n *node) bool { return f.podRange(n).IsValid() }
	know := func(n *namespace) bool {
		if n.owner == nil || self == nil || !isMember(self) {
			return false
		}
		for _, other := range f.namespaces {
			runs := false
			for _, pod := range other.pods {
				runs = runs || pod.node == self && pod.runs
			}
			if runs && other.owner == n.owner && (other == n || n.owner.isOpen() || links(other, n) || links(n, other)) {
				return true
			}
		}
		return false
	}
	pods, near, services := map[string]wire.Pod{}, map[string]bool{}, map[string]bool{}
	for _, n := range f.namespaces {
		if !know(n) {
			continue
		}
		for service := range n.services {
			services[n.name+"/"+service] = true
		}
		for _, pod := range n.pods {
			if pod.runs && pod.node != self && f.isPeer(pod.node) {
				near[pod.node.name] = true
			}
			if pod.runs && isMember(pod.node) && wire.IsForPods(pod.claimed, f.podRange(pod.node)) && f.addresses[pod.claimed][0] == pod {
				pods[pod.claimed.String()] = wire.Pod{Namespace: n.name, Name: pod.name, Node: pod.node.name}
			}
		}
	}
	if def := f.namespaces["default"]; def != nil && def.owner != nil && def.services["kubernetes"] != nil && self != nil && isMember(self) {
		services[apiService] = true
	}
	if network.Pods == nil {
		network.Pods = map[string]wire.Pod{}
	}
	if !reflect.DeepEqual(network.Pods, pods) {
		t.Fatalf("node %s knows the pods %v, want %v", name, network.Pods, pods)
	}
	wants(t, "services of "+name, keys(network.Services), keys(services)...)
	shared := map[string]bool{}
	for peer, said := range network.Peers {
		if said.Range.IsValid() {
			shared[peer] = true
		}
		for _, relay := range said.Relays {
			if through := network.Peers[relay]; through.Key.IsZero() || relay == name {
				t.Fatalf("node %s is to reach %s through %s, which is %v", name, peer, relay, through)
			}
		}
	}
	wants(t, "near nodes of "+name, keys(shared), keys(near)...)
}

// links says whether opens made a policy of one namespace for another.
func links(own, other *namespace) bool {
	for _, policy := range own.policies {
		for _, rule := range policy.Spec.Ingress {
			if rule.From[0].NamespaceSelector.MatchLabels[corev1.LabelMetadataName] == other.name {
				return true
			}
		}
	}
	return false
}
