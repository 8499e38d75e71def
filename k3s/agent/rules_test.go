package agent

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func rules(namespaces map[string][]string) string {
	return isolationRules("10.43.0.10", namespaces)
}

func TestPodsAcceptTheMarkOfTheirOwnNamespaceOnly(t *testing.T) {
	text := rules(map[string][]string{"a": {"10.42.0.2", "10.42.0.3"}, "b": {"10.42.0.4"}})
	for _, line := range []string{
		"-s 10.42.0.2 -i veth+ -j MARK --set-xmark 0x10000/0xffff0000",
		"-s 10.42.0.4 -i veth+ -j MARK --set-xmark 0x20000/0xffff0000",
		"-d 10.42.0.3 -m mark --mark 0x10000/0xffff0000 -j RETURN",
		"-d 10.42.0.4 -m mark --mark 0x20000/0xffff0000 -j RETURN",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no rule %q in\n%s", line, text)
		}
	}
	if count := strings.Count(text, "-d 10.42.0.4 "); count != 1 {
		t.Errorf("%d rules accept what goes to 10.42.0.4, want 1", count)
	}
}

func TestWhatNoRuleAcceptsIsDroppedLast(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(rules(map[string][]string{"a": {"10.42.0.2"}})), "\n")
	last := map[string]string{}
	for _, line := range lines {
		if fields := strings.Fields(line); fields[0] == "-A" {
			last[fields[1]] = line
		}
	}
	for _, chain := range []string{"K3S-ISOLATE-FORWARD", "K3S-ISOLATE-INPUT"} {
		if !strings.HasSuffix(last[chain], "-j DROP") {
			t.Errorf("%s ends with %q", chain, last[chain])
		}
	}
}

func TestForeignMarksAreRemovedBeforeOurOwnAreSet(t *testing.T) {
	text := rules(map[string][]string{"a": {"10.42.0.2"}})
	clear, set := strings.Index(text, "0x0/0xffff0000"), strings.Index(text, "0x10000/0xffff0000")
	if clear < 0 || clear > set {
		t.Errorf("cleared at %d, set at %d", clear, set)
	}
}

func TestOnlyLivingPodsWithAddressesOfTheirOwnCount(t *testing.T) {
	pod := func(namespace, ip string, phase corev1.PodPhase, hostNetwork bool) any {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace},
			Spec:       corev1.PodSpec{HostNetwork: hostNetwork},
			Status:     corev1.PodStatus{PodIP: ip, Phase: phase},
		}
	}
	found := podsByNamespace([]any{
		pod("a", "10.42.0.2", corev1.PodRunning, false),
		pod("a", "", corev1.PodPending, false),
		pod("a", "10.42.0.3", corev1.PodSucceeded, false),
		pod("b", "10.42.0.3", corev1.PodFailed, false),
		pod("b", "10.0.0.1", corev1.PodRunning, true),
	})
	if len(found) != 1 || len(found["a"]) != 1 || found["a"][0] != "10.42.0.2" {
		t.Errorf("found %v", found)
	}
}
