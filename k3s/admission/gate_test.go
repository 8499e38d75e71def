package admission

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
)

func someone(name string, groups ...string) *user.DefaultInfo {
	return &user.DefaultInfo{Name: name, Groups: append(groups, user.AllAuthenticated)}
}

func ordering(name, order string) *user.DefaultInfo {
	who := someone(name, ordersGroup)
	who.Extra = map[string][]string{orderExtra: {order}}
	return who
}

// callers are those that the table of the gate names.
var callers = map[string]user.Info{
	"user":                   someone("sui:a"),
	"account":                someone("system:serviceaccount:ns:default", "system:serviceaccounts"),
	"stranger":               someone("somebody"),
	"order":                  ordering("sui:a", "7"),
	"group without order":    someone("sui:a", ordersGroup),
	"order of no number":     ordering("sui:a", "0x7"),
	"order of an odd number": ordering("sui:a", "07"),
	"order of a stranger":    ordering("somebody", "7"),
	"order without group":    &user.DefaultInfo{Name: "sui:a", Extra: map[string][]string{orderExtra: {"7"}}},
	"controller":             someone("system:serviceaccount:kube-system:job-controller"),
	"enclave":                someone("admin", user.SystemPrivilegedGroup),
	"node":                   someone("system:node:w1", user.NodesGroup),
	"joiner":                 someone("system:bootstrap:abc", "system:bootstrappers"),
}

const users = "user, account, stranger, group without order, order of no number, order of an odd number, order of a stranger, order without group"

// through judges one write of each caller who is named, as a trial or for real.
func through(t *testing.T, who, write string, trial bool) map[string]error {
	t.Helper()
	operation, path, _ := strings.Cut(write, " ")
	path, group, _ := strings.Cut(path, ".")
	resource, subresource, _ := strings.Cut(path, "/")
	g := NewGate(func(user.Info) bool { return true }).(*gate)
	verdicts := map[string]error{}
	for _, name := range strings.Split(who, ", ") {
		caller, known := callers[name]
		if !known {
			t.Fatalf("nobody is %q", name)
		}
		a := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "ns", "x", schema.GroupVersionResource{Group: group, Resource: resource},
			subresource, admission.Operation(operation), &metav1.DeleteOptions{}, trial, caller)
		admitted, validated := g.Admit(context.Background(), a, nil), g.Validate(context.Background(), a, nil)
		if (admitted == nil) != (validated == nil) {
			t.Errorf("%s of %s: first %v, then %v", write, name, admitted, validated)
		}
		verdicts[name] = validated
	}
	return verdicts
}

func TestGateOpensForWhoeverMay(t *testing.T) {
	const all = users + ", order, controller, enclave, node, joiner"
	for _, row := range []struct {
		who, write string
		trial      bool
		passes     bool
	}{
		{users, "CREATE pods", false, false},
		{users, "UPDATE pods", false, false},
		{users, "DELETE pods", false, false}, // also each of a collection
		{users, "CREATE deployments.apps", false, false},
		{users, "UPDATE deployments/scale.apps", false, false},
		{users, "CREATE deployments.apps", true, true},
		{users, "UPDATE deployments/scale.apps", true, true},
		{users, "DELETE pods", true, true},
		{users, "CREATE secrets", false, true},
		{users, "UPDATE secrets", false, true},
		{users, "DELETE secrets", false, true},
		{users, "CREATE secrets", true, true},
		{users, "UPDATE secrets/status", false, false},
		{users, "CREATE secrets.example.org", false, false},
		{"order", "CREATE pods", false, true},
		{"order", "UPDATE statefulsets.apps", false, true},
		{"order", "DELETE pods", false, true},
		{"order", "UPDATE deployments/scale.apps", false, true},
		{"order", "CREATE pods", true, false},
		{"order", "DELETE pods", true, false},
		{"order", "UPDATE deployments/scale.apps", true, false},
		// The rest of what has a name behind a name: for nobody, however he asks.
		{users + ", order", "CREATE pods/binding", false, false},
		{users + ", order", "CREATE pods/eviction", false, false},
		{users + ", order", "CREATE serviceaccounts/token", false, false},
		{users + ", order", "UPDATE pods/status", false, false},
		{users + ", order", "UPDATE pods/ephemeralcontainers", false, false},
		{users + ", order", "UPDATE pods/resize", false, false},
		{users + ", order", "CREATE pods/binding", true, false},
		{users + ", order", "CREATE pods/eviction", true, false},
		{users + ", order", "CREATE serviceaccounts/token", true, false},
		{users + ", order", "UPDATE deployments/status.apps", true, false},
		// Ways into a pod are for roles to open, those into the network for the cluster's administrators.
		{all, "CONNECT pods/exec", false, true},
		{all, "CONNECT pods/attach", false, true},
		{all, "CONNECT pods/portforward", false, true},
		{users + ", order", "CONNECT pods/proxy", false, false},
		{users + ", order", "CONNECT services/proxy", false, false},
		{users + ", order", "CONNECT nodes/proxy", false, false},
		{"controller, enclave", "CONNECT pods/proxy", false, true},
		{"controller, enclave", "CONNECT services/proxy", false, true},
		{"controller, enclave", "CONNECT nodes/proxy", false, true},
		{users + ", order", "CREATE pods/exec", false, false},
		{all, "CREATE selfsubjectaccessreviews.authorization.k8s.io", false, true},
		{all, "CREATE selfsubjectrulesreviews.authorization.k8s.io", false, true},
		{all, "CREATE selfsubjectreviews.authentication.k8s.io", false, true},
		{users, "CREATE subjectaccessreviews.authorization.k8s.io", false, false},
		{users, "CREATE tokenreviews.authentication.k8s.io", false, false},
		{users, "CREATE selfsubjectreviews", false, false},
		{users, "CREATE certificatesigningrequests.certificates.k8s.io", false, false},
		{"controller, enclave", "CREATE pods", false, true},
		{"controller, enclave", "CREATE pods/binding", false, true},
		{"node", "UPDATE pods/status", false, true},
		{"joiner, node", "CREATE certificatesigningrequests.certificates.k8s.io", false, true},
	} {
		for name, err := range through(t, row.who, row.write, row.trial) {
			if (err == nil) != row.passes {
				t.Errorf("%s of %s (dry run: %v): %v", row.write, name, row.trial, err)
			}
			if err != nil && !apierrors.IsForbidden(err) {
				t.Errorf("%s of %s is refused as %v", row.write, name, err)
			}
		}
	}
}

func TestGateSaysHowToWrite(t *testing.T) {
	err := through(t, "user", "CREATE pods", false)["user"]
	for _, command := range []string{"daas apply -f", "daas kubectl", "daas proxy"} {
		if !strings.Contains(err.Error(), command) {
			t.Errorf("%v does not name %s", err, command)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%v is not one line", err)
	}
}

func TestDryRunsOfUsersAreCounted(t *testing.T) {
	left := 2
	g := NewGate(func(user.Info) bool { left--; return left >= 0 }).(*gate)
	try := func(who user.Info, trial bool) error {
		a := admission.NewAttributesRecord(nil, nil, schema.GroupVersionKind{}, "ns", "x", schema.GroupVersionResource{Resource: "secrets"},
			"", admission.Create, nil, trial, who)
		if err := g.Admit(context.Background(), a, nil); err != nil {
			return err
		}
		return g.Validate(context.Background(), a, nil)
	}
	for range 5 {
		for _, name := range []string{"controller", "enclave", "node"} {
			if err := try(callers[name], true); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := try(callers["user"], false); err != nil {
			t.Errorf("for real: %v", err)
		}
	}
	for i := range 3 {
		if err := try(callers["user"], true); apierrors.IsTooManyRequests(err) != (i == 2) {
			t.Errorf("dry run %d: %v", i, err)
		}
	}
}
