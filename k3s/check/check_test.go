package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

var everything = []roleRules{
	{Role: "viewer", Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get"}}}},
	{Role: "developer", Rules: []rbacv1.PolicyRule{{APIGroups: []string{"", "apps", "batch"},
		Resources: []string{"pods", "services", "configmaps", "persistentvolumeclaims", "deployments", "statefulsets", "jobs", "cronjobs", "secrets"},
		Verbs:     []string{"create", "patch"}}}},
	{Role: "super", Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}},
}

func verdictOf(t *testing.T, role string, texts ...string) verdict {
	t.Helper()
	checker, err := newChecker(role, everything)
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for i, text := range texts {
		files = append(files, file{Name: fmt.Sprintf("%d.yaml", i), Text: text})
	}
	return checker.check(files)
}

// problemsOf are those of all objects, as `path: message`.
func problemsOf(v verdict) string {
	var lines []string
	for _, object := range v.Objects {
		for _, problem := range object.Problems {
			lines = append(lines, problem.Path+": "+problem.Message)
		}
	}
	return strings.Join(lines, "\n")
}

const podHead = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: c, image: nginx"

func TestVerdicts(t *testing.T) {
	for name, row := range map[string]struct{ role, text, problem string }{
		"a config map":               {"developer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}", ""},
		"JSON":                       {"developer", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}`, ""},
		"a list":                     {"developer", "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}]", ""},
		"a list of one kind":         {"developer", "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: a}}]", ""},
		"a bad item of a list":       {"developer", "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Foo}]", "Foo of v1 cannot be ordered"},
		"a Service":                  {"developer", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {selector: {a: b}, ports: [{port: 80}]}", ""},
		"a generated name":           {"developer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: a-}", ""},
		"no name":                    {"developer", "apiVersion: v1\nkind: ConfigMap", "metadata.name: "},
		"octal modes":                {"developer", podHead + "}]\n  volumes: [{name: v, configMap: {name: m, defaultMode: 0444}}]", ""},
		"a filled pod":               {"developer", podHead + "}]", ""},
		"privileged":                 {"developer", podHead + ", securityContext: {privileged: true}}]", "privileged"},
		"unknown fields, all told":   {"developer", podHead + ", foo: 1, bar: 2}]", "bar\""},
		"a field of another type":    {"developer", podHead + ", ports: web}]", "cannot unmarshal"},
		"duplicate keys":             {"developer", podHead + ", image: b}]", `key "image" already set`},
		"duplicate keys in JSON":     {"developer", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}`, "duplicate field"},
		"a tab":                      {"developer", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a", "tab"},
		"not text of YAML":           {"developer", "a: [", "line"},
		"a template":                 {"developer", "a: {{ .Values.x }}", "render it first"},
		"nothing":                    {"developer", "# only a comment\n---\n", "no object in it"},
		"a text":                     {"developer", "hello", "not an object of Kubernetes"},
		"Compose":                    {"developer", "services: {web: {image: nginx}}", "Docker Compose"},
		"SDL":                        {"developer", "version: '2.0'\nservices: {web: {image: nginx}}\nprofiles: {compute: {}}", "Akash SDL"},
		"an unknown kind":            {"super", "apiVersion: example.org/v1\nkind: Foo\nmetadata: {name: a}", "cannot be ordered here"},
		"a Role":                     {"super", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a}", "cannot be ordered here"},
		"a former version":           {"super", "apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: a}", "write apiVersion: apps/v1"},
		"another's namespace":        {"developer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}", "no user has a namespace"},
		"a viewer":                   {"viewer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", "it takes the role developer"},
		"a developer's DaemonSet":    {"developer", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}", "it takes the role super"},
		"a selector that misses":     {"developer", deploymentOf("c", "{}"), "spec.template.metadata.labels"},
		"a template of root's":       {"developer", deploymentOf("b", "{runAsUser: 0}"), "spec.template: violates PodSecurity"},
		"a template in user spaces":  {"developer", strings.Replace(deploymentOf("b", "{}"), "spec: {containers", "spec: {hostUsers: false, containers", 1), ""},
		"too many containers":        {"developer", podHead + "}" + strings.Repeat(", {name: c, image: i}", 32) + "]", "must have at most 32 items"},
		"a policy":                   {"developer", strings.Replace(podHead, "nginx", "localhost:5000/nginx", 1) + "}]", "spec.containers[c].image: name an image"},
		"IPv6":                       {"developer", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ipFamilies: [IPv6], ports: [{port: 80}]}", "IPv4 only"},
		"a Job":                      {"developer", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}", ""},
		"a CronJob's schedule":       {"developer", "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: never, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}", "spec.schedule"},
		"a claim":                    {"developer", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: a}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}", ""},
		"an object that was fetched": {"developer", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, resourceVersion: '1'}", "metadata.resourceVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := verdictOf(t, row.role, row.text)
			problems := problemsOf(answer)
			if answer.Accepted != (row.problem == "") || answer.Accepted != (problems == "") || !strings.Contains(problems, row.problem) {
				t.Errorf("accepted %v with problems %q, expected %q", answer.Accepted, problems, row.problem)
			}
		})
	}
}

func deploymentOf(label, security string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: " +
		label + "}}, spec: {containers: [{name: c, image: i, securityContext: " + security + "}]}}}"
}

func TestOneBadObjectRefusesAll(t *testing.T) {
	good := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}"
	answer := verdictOf(t, "developer", good+"\n---\n"+good+"\nfoo: 1", good)
	var accepted []bool
	for _, object := range answer.Objects {
		accepted = append(accepted, object.Accepted)
	}
	if answer.Accepted || fmt.Sprint(accepted) != "[true false true]" {
		t.Errorf("accepted %v, by object %v", answer.Accepted, accepted)
	}
	if verdictOf(t, "developer").Accepted {
		t.Error("no files are accepted")
	}
}

// What is written to blow up or to run for ever ends with a complaint.
func TestBombs(t *testing.T) {
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	for name, text := range map[string]string{
		"billion laughs": laughs,
		"a large object": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: " + strings.Repeat("x", 4<<20) + "}",
		"depth":          strings.Repeat("[", 20_000),
		"deep JSON":      `{"apiVersion":"v1","kind":"ConfigMap","metadata":` + strings.Repeat(`{"a":`, 20_000),
		"many objects":   strings.Repeat("a: 1\n---\n", 3_000),
		"deep lists":     strings.Repeat(`{"kind":"List","items":[`, 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			if answer := verdictOf(t, "developer", text); answer.Accepted {
				t.Error("it is accepted")
			}
		})
	}
}

func TestOnlyTheClusterKnows(t *testing.T) {
	pod := podHead + ", envFrom: [{secretRef: {name: s}}, {configMapRef: {name: m}}]}]\n  serviceAccountName: w\n  volumes: [{name: v, persistentVolumeClaim: {claimName: p}}]"
	list := func(texts ...string) string {
		text, _ := json.Marshal(verdictOf(t, "developer", texts...).Unchecked)
		return string(text)
	}
	for _, name := range []string{"Secret/s", "ConfigMap/m", "ServiceAccount/w", "PersistentVolumeClaim/p", "quota"} {
		if !strings.Contains(list(pod), name) {
			t.Errorf("%s is not among what is unchecked: %s", name, list(pod))
		}
	}
	if with := list(pod, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}"); strings.Contains(with, "ConfigMap/m is there") {
		t.Errorf("what is in another file is not known: %s", with)
	}
}

func TestPolicies(t *testing.T) {
	var policy admissionv1.ValidatingAdmissionPolicy
	if err := yaml.UnmarshalStrict([]byte(`
metadata: {name: sample}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {daasvader.io/managed: "true"}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  matchConditions: [{name: c, expression: "'daasvader:orders' in request.userInfo.groups"}]
  variables: [{name: keys, expression: "object.?data.orValue({})"}]
  validations:
  - {expression: "!('secret' in variables.keys)", messageExpression: "'data.secret, data.other: of ' + object.metadata.name"}
  - {expression: "authorizer.group('daasvader.io').resource('priorityclasses').check('use').allowed()", message: only super}
`), &policy); err != nil {
		t.Fatal(err)
	}
	bound := func(action admissionv1.ValidationAction) *policySet {
		return newPolicySet([]*admissionv1.ValidatingAdmissionPolicy{&policy}, []*admissionv1.ValidatingAdmissionPolicyBinding{{
			Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: "sample", ValidationActions: []admissionv1.ValidationAction{action}},
		}})
	}
	secret := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {secret: x}"
	for _, row := range []struct {
		role     string
		action   admissionv1.ValidationAction
		problems string
	}{
		{"super", admissionv1.Deny, "data.secret: of a\ndata.other: of a"},
		{"developer", admissionv1.Deny, "data.secret: of a\ndata.other: of a\n: only super"},
		{"developer", admissionv1.Warn, ""},
	} {
		checker, err := newChecker(row.role, everything)
		if err != nil {
			t.Fatal(err)
		}
		checker.policies = bound(row.action)
		answer := checker.check([]file{{Name: "a", Text: secret}})
		if got := problemsOf(answer); got != row.problems {
			t.Errorf("%s, %s: %q, expected %q", row.role, row.action, got, row.problems)
		}
		told, _ := json.Marshal(answer.Unchecked)
		if isTold := strings.Contains(string(told), "of a"); isTold != (row.action == admissionv1.Warn) {
			t.Errorf("%s: what only warns is told %v", row.action, isTold)
		}
	}
}

func FuzzAnyTextHasAVerdict(f *testing.F) {
	f.Add(deploymentOf("b", "{}"))
	f.Fuzz(func(t *testing.T, text string) {
		for _, object := range verdictOf(t, "developer", text).Objects {
			if object.Accepted != (len(object.Problems) == 0) {
				t.Errorf("%+v", object)
			}
		}
	})
}
