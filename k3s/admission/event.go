package admission

import (
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/kubernetes/pkg/apis/core"
)

// evictionNotes are the annotations that a kubelet adds to the event of an eviction.
var evictionNotes = []string{"offending_containers", "offending_containers_usage", "offending_pod", "offending_pod_usage", "starved_resource"}

// checkEvent lets a node tell of its own pods and of itself, under its own name.
func (n *nodes) checkEvent(w write) error {
	event, old, err := objects[core.Event](w)
	if err != nil {
		return err
	}
	if w.GetOperation() == admission.Update && !n.isOwnEvent(w, old) || !n.isOwnEvent(w, event) {
		return errors.New("a node tells of itself and of pods that run on it, under its own name")
	}
	return checkMetadata(w.node, &event.ObjectMeta, evictionNotes)
}

func (n *nodes) isOwnEvent(w write, event *core.Event) bool {
	return event.Related == nil && isOwnReporter(w.node, event) && n.isOwnSubject(w, &event.InvolvedObject)
}

// isOwnReporter knows a kubelet by its node. Nothing else of a node writes events.
func isOwnReporter(node string, event *core.Event) bool {
	return event.Source == core.EventSource{Component: "kubelet", Host: node} &&
		isOneOf(event.ReportingController, "", "kubelet") && isOneOf(event.ReportingInstance, "", node)
}

func isOneOf(text string, known ...string) bool { return slices.Contains(known, text) }

func (n *nodes) isOwnSubject(w write, subject *core.ObjectReference) bool {
	if subject.APIVersion != "" && subject.APIVersion != "v1" {
		return false
	}
	switch subject.Kind {
	case "Node":
		return subject.Name == w.node
	case "Pod":
		return n.runs(w, subject)
	default:
		return false
	}
}

// runs looks into the datastore when the list at hand is older than what the kubelet knows.
func (n *nodes) runs(w write, subject *core.ObjectReference) bool {
	isOwn := func(pod *corev1.Pod, err error) bool {
		return err == nil && pod.Spec.NodeName == w.node && pod.UID == subject.UID
	}
	return isOwn(n.pods.Pods(subject.Namespace).Get(subject.Name)) ||
		isOwn(n.client.CoreV1().Pods(subject.Namespace).Get(w, subject.Name, metav1.GetOptions{}))
}
