package admission

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/kubernetes/pkg/apis/core"
)

// maxGrace is how long a pod may take to end, in seconds, as the policy of terminationGracePeriodSeconds has it. Whoever
// deletes it again later, even with its whole namespace, does not shorten that.
const maxGrace = 600

// GateName is the plugin's name in the API server's list.
const GateName = "UsersWriteThroughTheChain"

var (
	errGate = errors.New("users write through the chain: `daas apply -f FILE`, `daas delete -f FILE`, `daas kubectl ...`, " +
		"or kubectl with the context of `daas proxy`")
	errTrial = errors.New("an order is no dry run: leave out dryRun, also in the body of a DELETE")
	errPart  = errors.New("users write no subresource but scale")
	errGrace = fmt.Errorf("gracePeriodSeconds of a pod that runs is 1 to %d, or leave it out", maxGrace)
)

// gate lets nobody outside this machine write but through an order on chain. Roles give users the verbs, so that an order
// is judged as they are; what keeps their own credentials from writing is this alone. It is compiled in: no object that
// can be lost opens it. It judges what the API server is about to do, not the text of the request: the query of a DELETE
// that has a body says nothing.
type gate struct {
	*admission.Handler
	mayTry func(user.Info) bool
}

var (
	_ admission.MutationInterface   = &gate{}
	_ admission.ValidationInterface = &gate{}
)

// NewGate makes the plugin.
//
// mayTry: takes a dry run from somebody's budget; false when there is none left
func NewGate(mayTry func(user.Info) bool) admission.Interface {
	all := admission.NewHandler(admission.Create, admission.Update, admission.Delete, admission.Connect)
	return &gate{Handler: all, mayTry: mayTry}
}

// Admit refuses before anything else costs time, and counts dry runs.
func (g *gate) Admit(ctx context.Context, a admission.Attributes, o admission.ObjectInterfaces) error {
	if err := g.Validate(ctx, a, o); err != nil {
		return err
	}
	if a.IsDryRun() && isBounded(a.GetUserInfo()) && !g.mayTry(a.GetUserInfo()) {
		return apierrors.NewTooManyRequests("your dry runs come too fast; try again later", 1)
	}
	return nil
}

// Validate is asked once more about what is written in the end.
func (g *gate) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	if !isBounded(a.GetUserInfo()) {
		return nil
	}
	if err := judge(a); err != nil {
		return admission.NewForbidden(a, err)
	}
	return nil
}

// isBounded says whether the gate is there for somebody. What nodes may write is said in rules; a joiner has the right to
// ask for a certificate and no other.
func isBounded(who user.Info) bool {
	isOneOf := func(group string) bool { return slices.Contains(who.GetGroups(), group) }
	return !IsControlPlane(who) && !isOneOf(user.NodesGroup) && !isOneOf("system:bootstrappers")
}

// streams are the ways into a running pod; roles say who may use them.
var streams = []string{"pods/exec", "pods/attach", "pods/portforward"}

// selfReviews tell a caller about himself and store nothing.
var selfReviews = []string{
	"selfsubjectaccessreviews.authorization.k8s.io",
	"selfsubjectrulesreviews.authorization.k8s.io",
	"selfsubjectreviews.authentication.k8s.io",
}

func judge(a admission.Attributes) error {
	resource, isOrder := resourceOf(a), IsOrder(a.GetUserInfo())
	switch {
	case a.GetOperation() == admission.Connect && slices.Contains(streams, resource),
		a.GetOperation() == admission.Create && slices.Contains(selfReviews, resource):
		return nil
	case a.GetOperation() == admission.Connect:
		return errGate
	case isOrder && a.IsDryRun():
		return errTrial
	// Also not for a trial: that of a token or of a binding is the real thing, or as good.
	case a.GetSubresource() != "" && a.GetSubresource() != "scale":
		return errPart
	case isOrder && a.GetOperation() == admission.Delete && resource == "pods" && !isGraceful(a):
		return errGrace
	case isOrder, a.IsDryRun(), resource == "secrets":
		return nil
	}
	return errGate
}

func isGraceful(a admission.Attributes) bool {
	options, are := a.GetOperationOptions().(*metav1.DeleteOptions)
	if !are {
		return false
	}
	seconds := options.GracePeriodSeconds
	if pod, isKnown := a.GetOldObject().(*core.Pod); isKnown && seconds != nil && *seconds == 0 {
		return endsAtOnce(pod)
	}
	return seconds == nil || *seconds <= maxGrace
}

// endsAtOnce says whether nothing of a pod runs on when it is gone from the API, and so from its quota. Where its node is
// lost, that cannot be waited for longer than it was given.
func endsAtOnce(pod *core.Pod) bool {
	given := pod.Spec.TerminationGracePeriodSeconds
	hasEnded := pod.Status.Phase == core.PodSucceeded || pod.Status.Phase == core.PodFailed
	isOverdue := pod.DeletionTimestamp != nil && time.Now().After(pod.DeletionTimestamp.Time)
	return pod.Spec.NodeName == "" || hasEnded || isOverdue || given != nil && *given == 0
}
