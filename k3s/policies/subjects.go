package policies

import (
	"fmt"
	"slices"
	"strings"

	v1 "k8s.io/api/admissionregistration/v1"
)

// subject is what a policy is about: which resources, and which part of each.
type subject struct {
	// resources are written `resource.group/version`, with an optional `resource/subresource` before the point.
	resources []string
	// operations are create and update, unless others are named.
	operations []v1.OperationType
	// part is the part that is judged, in CEL, with `%[1]s` for the object. An update that leaves it as it was is not judged
	// again: what a stricter policy would refuse today goes on living. Without it every write is judged.
	part string
	// at is the path of that part, in CEL, where it differs from kind to kind: the variable `at`.
	at string
	// value is that part of the object, in CEL: the variable `spec`.
	value string
	// lists are what a rule may look at one by one.
	lists map[string]list
	// needs are variables that the lists are made of.
	needs []v1.Variable
}

// list is, in CEL, a list of items and the list of their paths, to which the field of a rule is added.
type list struct{ items, paths string }

// common is what expressions of every policy may use.
var common = []v1.Variable{
	// Whether one of the cluster's own controllers writes, rather than somebody outside.
	{Name: "controller", Expression: "request.userInfo.username.matches('^system:(kube-controller-manager|kube-scheduler|serviceaccount:kube-system:.*)$')"},
}

// ofKind is a CEL expression that is one for pods, one for CronJobs, and one for all other kinds with a template of pods.
func ofKind(pod, cronJob, other string) string {
	return fmt.Sprintf("(request.kind.kind == 'Pod' ? %s : request.kind.kind == 'CronJob' ? %s : %s)", pod, cronJob, other)
}

var subjects = map[string]subject{
	// Every pod, whoever makes it, and every template of pods.
	"pods": {
		resources: append([]string{"pods", "pods/ephemeralcontainers"}, templated...),
		part:      ofKind("%[1]s.spec", "%[1]s.spec.jobTemplate.spec.template", "%[1]s.spec.template"),
		at:        ofKind("'spec'", "'spec.jobTemplate.spec.template.spec'", "'spec.template.spec'"),
		value:     ofKind("object.spec", "object.spec.jobTemplate.spec.template.spec", "object.spec.template.spec"),
		needs: []v1.Variable{
			{Name: "template", Expression: ofKind("object", "object.spec.jobTemplate.spec.template", "object.spec.template")},
			{Name: "init", Expression: "variables.spec.?initContainers.orValue([])"},
			{Name: "ephemeral", Expression: "variables.spec.?ephemeralContainers.orValue([])"},
		},
		lists: map[string]list{
			"containers": {
				"variables.spec.containers + variables.init + variables.ephemeral",
				"variables.spec.containers.map(c, variables.at + '.containers[' + c.name + ']') + " +
					"variables.init.map(c, variables.at + '.initContainers[' + c.name + ']') + " +
					"variables.ephemeral.map(c, variables.at + '.ephemeralContainers[' + c.name + ']')",
			},
			"tolerations": byIndex("tolerations"),
			"volumes": {
				"variables.spec.?volumes.orValue([])",
				"variables.volumes.map(v, variables.at + '.volumes[' + v.name + ']')",
			},
		},
	},
	// All that something else is made of.
	"templates": {
		resources: templated,
		part:      "(request.kind.kind == 'CronJob' ? %[1]s.spec.jobTemplate : %[1]s.spec.template)", // no others can be changed
		lists: map[string]list{"templates": {
			"(request.kind.kind == 'CronJob' ? [object.spec.jobTemplate, object.spec.jobTemplate.spec.template] : " +
				"[object.spec.template] + object.spec.?volumeClaimTemplates.orValue([]))",
			"(request.kind.kind == 'CronJob' ? ['spec.jobTemplate', 'spec.jobTemplate.spec.template'] : ['spec.template'] + " +
				"object.spec.?volumeClaimTemplates.orValue([]).map(c, 'spec.volumeClaimTemplates[' + c.metadata.name + ']'))",
		}},
	},
	// How many pods something may make.
	"replicas": {
		resources: []string{
			"deployments.apps/v1", "deployments/scale.apps/v1", "statefulsets.apps/v1", "statefulsets/scale.apps/v1",
			"daemonsets.apps/v1",
		},
		part: "[%[1]s.?spec.?replicas.orValue(1), %[1]s.?spec.?revisionHistoryLimit.orValue(0)]",
	},
	"jobs": {
		resources: []string{"jobs.batch/v1", "cronjobs.batch/v1"},
		part:      "(request.kind.kind == 'CronJob' ? %[1]s.spec : [%[1]s.spec.?parallelism, %[1]s.spec.?completions])",
		at:        "(request.kind.kind == 'CronJob' ? 'spec.jobTemplate.spec' : 'spec')",
		value:     "(request.kind.kind == 'CronJob' ? object.spec.jobTemplate.spec : object.spec)",
	},
	// Claims of volumes, and those that a StatefulSet makes.
	"claims": {
		resources: []string{"persistentvolumeclaims", "statefulsets.apps/v1"},
		part:      "(request.kind.kind == 'StatefulSet' ? %[1]s.spec.?volumeClaimTemplates : optional.of(%[1]s.spec))",
		lists: map[string]list{"claims": {
			"(request.kind.kind == 'StatefulSet' ? object.spec.?volumeClaimTemplates.orValue([]) : [object])",
			"(request.kind.kind == 'StatefulSet' ? " +
				"variables.claims.map(c, 'spec.volumeClaimTemplates[' + c.metadata.name + ']') : [''])",
		}},
	},
	"services":                 ofSpec("services"),
	"ingresses":                ofSpec("ingresses.networking.k8s.io/v1"),
	"networkpolicies":          ofSpec("networkpolicies.networking.k8s.io/v1"),
	"horizontalpodautoscalers": ofSpec("horizontalpodautoscalers.autoscaling/v2"),
	"secrets":                  {resources: []string{"secrets"}, part: "%[1]s.type"},
	// All that tenants have, as they write it.
	"objects": {resources: tenantResources},
	// The same, as it was before it is changed or deleted.
	"former": {resources: tenantResources, operations: []v1.OperationType{v1.Update, v1.Delete}},
}

// templated are the kinds with a template of pods.
var templated = []string{
	"deployments.apps/v1", "replicasets.apps/v1", "statefulsets.apps/v1", "daemonsets.apps/v1", "jobs.batch/v1",
	"cronjobs.batch/v1",
}

var tenantResources = []string{
	"pods", "services", "configmaps", "secrets", "persistentvolumeclaims", "serviceaccounts",
	"deployments.apps/v1", "statefulsets.apps/v1", "daemonsets.apps/v1", "jobs.batch/v1", "cronjobs.batch/v1",
	"ingresses.networking.k8s.io/v1", "networkpolicies.networking.k8s.io/v1",
	"horizontalpodautoscalers.autoscaling/v2", "poddisruptionbudgets.policy/v1",
}

func ofSpec(resource string) subject {
	return subject{resources: []string{resource}, part: "%[1]s.?spec"}
}

func byIndex(field string) list {
	return list{
		"variables.spec.?" + field + ".orValue([])",
		fmt.Sprintf("variables.%[1]s.transformList(i, _, variables.at + '.%[1]s[' + string(i) + ']')", field),
	}
}

func (s subject) resourceRules() []v1.NamedRuleWithOperations {
	operations := s.operations
	if operations == nil {
		operations = []v1.OperationType{v1.Create, v1.Update}
	}
	var rules []v1.NamedRuleWithOperations
	for _, resource := range s.resources {
		// `deployments/scale.apps/v1`: the group begins at the first point.
		name, rest, _ := strings.Cut(resource, ".")
		group, version := "", "v1"
		if at := strings.LastIndex(rest, "/"); at >= 0 {
			group, version = rest[:at], rest[at+1:]
		}
		rules = append(rules, v1.NamedRuleWithOperations{RuleWithOperations: v1.RuleWithOperations{
			Operations: operations,
			Rule:       v1.Rule{APIGroups: []string{group}, APIVersions: []string{version}, Resources: []string{name}},
		}})
	}
	return rules
}

func (s subject) conditions() []v1.MatchCondition {
	conditions := []v1.MatchCondition{{
		// The enclave as itself. What it carries out for somebody else it does as that one.
		Name: "not-the-enclave", Expression: "!('system:masters' in request.userInfo.groups)",
	}}
	if s.part == "" {
		return conditions
	}
	former, now := fmt.Sprintf(s.part, "oldObject"), fmt.Sprintf(s.part, "object")
	return append(conditions, v1.MatchCondition{
		Name: "changed", Expression: fmt.Sprintf("request.operation != 'UPDATE' || %s != %s", former, now),
	})
}

func (s subject) variables() []v1.Variable {
	var made []v1.Variable
	if s.at != "" {
		made = append(made, v1.Variable{Name: "at", Expression: s.at})
	}
	if s.value != "" {
		made = append(made, v1.Variable{Name: "spec", Expression: s.value})
	}
	made = append(made, s.needs...)
	names := make([]string, 0, len(s.lists))
	for name := range s.lists {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		made = append(made, v1.Variable{Name: name, Expression: s.lists[name].items},
			v1.Variable{Name: name + "Paths", Expression: s.lists[name].paths})
	}
	return made
}
