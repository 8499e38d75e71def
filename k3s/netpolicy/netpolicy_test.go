package netpolicy

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"daasvader/k3s/wire"
)

func keysOf(policies map[string]wire.Policy) iter.Seq[string] { return maps.Keys(policies) }

func policyOf(t *testing.T, spec string) *networkingv1.NetworkPolicy {
	t.Helper()
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{UID: "policy"}}
	if err := yaml.UnmarshalStrict([]byte(spec), &policy.Spec); err != nil {
		t.Fatal(err)
	}
	return policy
}

func podAt(address string, labels ...string) Pod {
	pod := Pod{Name: address, Node: "here", Address: netip.MustParseAddr(address), Labels: map[string]string{}}
	for _, label := range labels {
		key, value, _ := strings.Cut(label, "=")
		pod.Labels[key] = value
	}
	return pod
}

func withPort(pod Pod, name string, number int32) Pod {
	pod.Ports = append(slices.Clone(pod.Ports), corev1.ContainerPort{Name: name, ContainerPort: number, Protocol: corev1.ProtocolTCP})
	return pod
}

var (
	own = Namespace{Name: "own", Owner: "0xa", Labels: map[string]string{"team": "own"}, Pods: []Pod{
		withPort(podAt("10.42.0.2", "app=web"), "http", 8080),
		withPort(podAt("10.42.0.3", "app=web"), "http", 9090),
		podAt("10.42.0.4", "app=db"),
	}}
	sister  = Namespace{Name: "sister", Owner: "0xa", Labels: map[string]string{"team": "sister"}, Pods: []Pod{podAt("10.42.1.2", "app=web")}}
	foreign = Namespace{Name: "foreign", Owner: "0xb", Labels: map[string]string{"team": "sister"}, Pods: []Pod{podAt("10.42.2.2", "app=web")}}
	open    = Namespace{Name: "open", Labels: map[string]string{"team": "sister"}, Pods: []Pod{podAt("10.42.3.2", "app=web")}}
	scope   = []Namespace{own, sister, foreign, open}
)

// textOf is short enough to be compared by eye.
func textOf(policies map[string]wire.Policy) string {
	var lines []string
	rules := func(direction string, is bool, rules []wire.PolicyRule) {
		for _, rule := range rules {
			lines = append(lines, fmt.Sprintf("%s %v %v %v", direction, rule.Pods, rule.Nets, rule.Ports))
		}
		if is && len(rules) == 0 {
			lines = append(lines, direction+" nothing")
		}
	}
	for _, key := range slices.Sorted(keysOf(policies)) {
		policy := policies[key]
		lines = append(lines, fmt.Sprint("pods ", policy.Pods))
		rules("in", policy.IsIngress, policy.Ingress)
		rules("out", policy.IsEgress, policy.Egress)
	}
	return strings.Join(lines, "\n")
}

func TestAPolicyBecomes(t *testing.T) {
	for name, test := range map[string]struct{ spec, want string }{
		"nothing allowed in, where it says nothing": {`podSelector: {}`, `pods [10.42.0.2 10.42.0.3 10.42.0.4]
in nothing`},
		"nothing allowed out, where it names the direction alone": {`{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}`, `pods [10.42.0.4]
out nothing`},
		"all of the owner's pods and the internet, where a rule is empty": {`{podSelector: {matchLabels: {app: db}}, ingress: [{}], egress: [{}]}`, `pods [10.42.0.4]
in [10.42.0.2 10.42.0.3 10.42.0.4 10.42.1.2] [] []
out [10.42.0.2 10.42.0.3 10.42.0.4 10.42.1.2] [] []
out [] [0.0.0.0/0] []`},
		"nothing of another owner's that has the same labels": {`{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sister}}}]}]}`, `pods [10.42.0.4]
in [10.42.1.2] [] []`},
		"a block without its exceptions, and of pods those of the namespace": {`{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.42.0.2/32, 10.128.0.0/9]}}]}]}`, `pods [10.42.0.4]
out [10.42.0.3 10.42.0.4] [] []
out [] [10.0.0.0/11 10.32.0.0/13 10.40.0.0/15 10.42.0.0/31 10.42.0.3/32 10.42.0.4/30 10.42.0.8/29 10.42.0.16/28 10.42.0.32/27 10.42.0.64/26 10.42.0.128/25 10.42.1.0/24 10.42.2.0/23 10.42.4.0/22 10.42.8.0/21 10.42.16.0/20 10.42.32.0/19 10.42.64.0/18 10.42.128.0/17 10.43.0.0/16 10.44.0.0/14 10.48.0.0/12 10.64.0.0/10] []`},
		"no nets in, whatever block it names": {`{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 8.8.8.0/24}}]}]}`, `pods [10.42.0.4]
in nothing`},
		"one for each number that a port's name stands for": {`{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}, {port: 53, protocol: UDP}], from: [{podSelector: {matchLabels: {app: db}}}]}]}`, `pods [10.42.0.2]
in [10.42.0.4] [] [{TCP 8080 8080} {UDP 53 53}]
pods [10.42.0.3]
in [10.42.0.4] [] [{TCP 9090 9090} {UDP 53 53}]`},
		"what receivers call so, where it sends": {`{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`, `pods [10.42.0.4]
out [10.42.0.2] [] [{TCP 8080 8080}]
out [10.42.0.3] [] [{TCP 9090 9090}]`},
		"nothing, where nobody calls a port so": {`{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: http}]}]}`, `pods [10.42.0.4]
in nothing`},
		"nothing of a name in another protocol": {`{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http, protocol: UDP}]}]}`, `pods [10.42.0.2 10.42.0.3]
in nothing`},
		"ranges, and whole protocols": {`{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 8000, endPort: 8999}, {protocol: SCTP}]}]}`, `pods [10.42.0.4]
in [10.42.0.2 10.42.0.3 10.42.0.4] [] [{SCTP 1 65535} {TCP 8000 8999}]`},
	} {
		t.Run(name, func(t *testing.T) {
			compiled := textOf(Compile(policyOf(t, test.spec), own, scope, "here"))
			// The order of several for one policy is that of their keys, which says nothing.
			has, want := strings.Split(compiled, "\npods"), strings.Split(test.want, "\npods")
			trim := func(s string) string { return strings.TrimPrefix(strings.TrimPrefix(s, "pods"), " ") }
			for _, parts := range [][]string{has, want} {
				for index := range parts {
					parts[index] = trim(parts[index])
				}
				slices.Sort(parts)
			}
			if !slices.Equal(has, want) {
				t.Errorf("has\n%s\nwant\n%s", strings.Join(has, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestWhatCannotBeMeantAllowsNothing(t *testing.T) {
	for name, rule := range map[string]string{
		"a selector that is none":        `{from: [{podSelector: {matchExpressions: [{key: app, operator: Near, values: [web]}]}}]}`,
		"a selector of names that can't": `{from: [{namespaceSelector: {matchLabels: {"a b": c}}}]}`,
		"a peer that is nobody":          `{from: [{}]}`,
		"a peer that is two things":      `{from: [{podSelector: {}, ipBlock: {cidr: 0.0.0.0/0}}]}`,
		"a block that is none":           `{from: [{ipBlock: {cidr: everywhere}}]}`,
		"an exception that is none":      `{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [somewhere]}}]}`,
		"an exception of another kind":   `{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ["2001:db8::/32"]}}]}`,
		"a block of IPv6":                `{from: [{ipBlock: {cidr: "::/0"}}]}`,
		"a block of IPv4 in IPv6":        `{from: [{ipBlock: {cidr: "::ffff:10.0.0.0/104"}}]}`,
		"a protocol that is none":        `{ports: [{protocol: ICMP}]}`,
		"a port that is none":            `{ports: [{port: 0}, {port: 65536}, {port: -1}]}`,
		"a range from end to beginning":  `{ports: [{port: 9, endPort: 8}]}`,
		"a range that begins nowhere":    `{ports: [{endPort: 8}]}`,
		"a range that begins at a name":  `{ports: [{port: http, endPort: 9000}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(t, "{podSelector: {matchLabels: {app: web}}, ingress: ["+rule+"]}")
			if has := textOf(Compile(policy, own, scope, "here")); has != "pods [10.42.0.2 10.42.0.3]\nin nothing" {
				t.Errorf("has %s", has)
			}
		})
	}
}

func TestAPolicyThatSelectsNobodyIsNone(t *testing.T) {
	for name, test := range map[string]struct{ selector, node string }{
		"here":                       {`{matchLabels: {app: none}}`, "here"},
		"on this node":               {`{}`, "there"},
		"because its selector can't": {`{matchExpressions: [{key: app, operator: Near}]}`, "here"},
	} {
		t.Run(name, func(t *testing.T) {
			policy := policyOf(t, "{podSelector: "+test.selector+", ingress: [{}]}")
			if has := Compile(policy, own, scope, test.node); len(has) != 0 {
				t.Errorf("has %v", has)
			}
		})
	}
}

func TestOpenNamespacesAreOfOneOwner(t *testing.T) {
	other := Namespace{Name: "other", Pods: []Pod{podAt("10.42.4.2")}}
	policy := policyOf(t, `{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}, {from: [{ipBlock: {cidr: 10.42.4.0/24}}]}]}`)
	has := textOf(Compile(policy, open, []Namespace{own, other, foreign}, "here"))
	if has != "pods [10.42.3.2]\nin [10.42.3.2 10.42.4.2] [] []\nin [10.42.4.2] [] []" {
		t.Errorf("has %s", has)
	}
}

func TestAPodWithoutAnAddressIsNobody(t *testing.T) {
	namespace := Namespace{Name: "own", Owner: "0xa", Pods: []Pod{podAt("10.42.0.2"), {Name: "waits", Node: "here"}, {Name: "six", Node: "here", Address: netip.MustParseAddr("fd00::2")}}}
	has := textOf(Compile(policyOf(t, `{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`), namespace, nil, "here"))
	if has != "pods [10.42.0.2]\nin [10.42.0.2] [] []" {
		t.Errorf("has %s", has)
	}
}

func TestADirectionThatBecomesTooMuchAllowsNothing(t *testing.T) {
	crowd := Namespace{Name: "crowd", Owner: "0xa"}
	for index := range 200 {
		crowd.Pods = append(crowd.Pods, podAt(fmt.Sprintf("10.42.%d.%d", index/100, 2+index%100)))
	}
	ports := func(count int) string {
		entries := make([]string, count)
		for index := range entries {
			entries[index] = fmt.Sprintf("{port: %d}", 1+index)
		}
		return strings.Join(entries, ", ")
	}
	for count, isOpen := range map[int]bool{6: true, 7: false} { // 200 pods, 200 peers, and so many ports
		policy := policyOf(t, "{podSelector: {}, ingress: [{ports: ["+ports(count)+"]}], egress: [{to: [{podSelector: {}}]}]}")
		for _, compiled := range Compile(policy, crowd, nil, "here") {
			if !compiled.IsIngress || len(compiled.Pods) != 200 || (len(compiled.Ingress) > 0) != isOpen || len(compiled.Egress) != 1 {
				t.Errorf("%d ports: %d rules in, %d out", count, len(compiled.Ingress), len(compiled.Egress))
			}
		}
	}
	rules := strings.Repeat("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [9.9.9.9/32]}}]},", 10_000)
	for _, compiled := range Compile(policyOf(t, "{podSelector: {}, egress: ["+rules+"]}"), crowd, nil, "here") {
		if !compiled.IsEgress || len(compiled.Egress) > 0 {
			t.Errorf("%d rules out", len(compiled.Egress))
		}
	}
}

func TestKeysStayWhileWhatTheyAreAboutDoes(t *testing.T) {
	policy := policyOf(t, `{podSelector: {}, ingress: [{ports: [{port: http}]}]}`)
	before := Compile(policy, own, scope, "here")
	fewer := own
	fewer.Pods = own.Pods[1:]
	after := Compile(policy, fewer, scope, "here")
	if len(before) != 3 || len(after) != 2 {
		t.Fatalf("%d, then %d", len(before), len(after))
	}
	for key, policy := range after {
		if !slices.Equal(before[key].Pods, policy.Pods) {
			t.Errorf("%s was about %v, and is about %v", key, before[key].Pods, policy.Pods)
		}
	}
}

func TestLinksAreToNamespacesOfTheSameOwner(t *testing.T) {
	for name, test := range map[string]struct {
		spec string
		want []string
	}{
		"that a selector chooses":       {`{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sister}}}]}]}`, []string{"sister"}},
		"all, where a rule is empty":    {`{podSelector: {}, policyTypes: [Egress], egress: [{}]}`, []string{"sister"}},
		"none, where none is chosen":    {`{podSelector: {}, egress: [{to: [{podSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]}]}`, nil},
		"none in a direction not meant": {`{podSelector: {}, policyTypes: [Ingress], egress: [{}]}`, nil},
		"none, where nothing is":        {`{podSelector: {}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if has := Links(policyOf(t, test.spec), own, scope); !slices.Equal(has, test.want) {
				t.Errorf("has %v", has)
			}
		})
	}
}
