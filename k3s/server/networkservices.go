package server

import (
	stderrors "errors"
	"maps"
	"net/http"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metainternalversionscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/klog/v2"

	"daasvader/k3s/netview"
)

const (
	// servicesPath is where a kubelet reads the Services, of which it makes the environment of pods.
	servicesPath = "/api/v1/services"
	// notHeadless is what a kubelet asks for. Headless ones are not told whoever asks: they are in no pod's environment.
	notHeadless = "spec.clusterIP!=" + corev1.ClusterIPNone
	// bookmarkEvery is how often a watch that asked for it is told how far it is.
	bookmarkEvery = time.Minute
	// watchAtMost is how long a watch goes on that does not say how long it wants to.
	watchAtMost = time.Hour
)

var errNotAll = stderrors.New("a node reads those that it knows, all at once")

// isNodesServices says whether a request is a kubelet's for the Services. Its node is told of those that it knows.
func isNodesServices(r *http.Request) bool {
	return r.URL.Path == servicesPath && r.Method == http.MethodGet && callerOf(r).class == node
}

// serveServices answers a kubelet's list or watch of all Services with those of its node's view, in Kubernetes's way.
func (f *front) serveServices(w http.ResponseWriter, r *http.Request, c *genericapiserver.Config) {
	var asked metainternalversion.ListOptions
	err := metainternalversionscheme.ParameterCodec.DecodeParameters(r.URL.Query(), metav1.SchemeGroupVersion, &asked)
	n := f.network.Load()
	switch {
	case err != nil:
		refuse(w, r, c, errors.NewBadRequest(err.Error()))
		return
	case asked.LabelSelector != nil && !asked.LabelSelector.Empty(),
		asked.FieldSelector != nil && !asked.FieldSelector.Empty() && asked.FieldSelector.String() != notHeadless:
		refuse(w, r, c, errors.NewForbidden(corev1.Resource("services"), "", errNotAll))
		return
	case n == nil || !n.views.IsKnown():
		refuse(w, r, c, errors.NewServiceUnavailable("the network is not known yet"))
		return
	}
	follower := n.views.Follow(nodeName(callerOf(r)))
	defer follower.Close()
	if !asked.Watch {
		view, _ := follower.Current()
		list(w, view)
		return
	}
	told := follower.At(asked.ResourceVersion)
	if fromAny := asked.ResourceVersion == "" || asked.ResourceVersion == "0"; told == nil && !fromAny && !sendsInitial(&asked) {
		refuse(w, r, c, errors.NewResourceExpired("that version is not known any more"))
		return
	}
	if sendsInitial(&asked) {
		told = nil
	}
	n.watchServices(w, r, follower, told, &asked)
}

func sendsInitial(asked *metainternalversion.ListOptions) bool {
	return asked.SendInitialEvents != nil && *asked.SendInitialEvents
}

func list(w http.ResponseWriter, view *netview.View) {
	services := servicesOf(view)
	answer := corev1.ServiceList{
		TypeMeta: metav1.TypeMeta{Kind: "ServiceList", APIVersion: "v1"},
		ListMeta: metav1.ListMeta{ResourceVersion: view.Version()},
		Items:    []corev1.Service{},
	}
	for _, key := range slices.Sorted(maps.Keys(services)) {
		answer.Items = append(answer.Items, *versioned(services[key], view.Version()))
	}
	w.Header().Set("Content-Type", "application/json")
	if err := writeLine(w, answer); err != nil {
		klog.V(2).InfoS("A kubelet left before it was answered", "err", err)
	}
}

// servicesOf are those of a view that have an address.
func servicesOf(view *netview.View) map[string]*corev1.Service {
	all := view.Services()
	maps.DeleteFunc(all, func(_ string, s *corev1.Service) bool { return s.Spec.ClusterIP == corev1.ClusterIPNone })
	return all
}

// versioned is a Service as Kubernetes would write it.
func versioned(service *corev1.Service, version string) *corev1.Service {
	whole := *service
	whole.TypeMeta = metav1.TypeMeta{Kind: "Service", APIVersion: "v1"}
	whole.ResourceVersion = version
	return &whole
}

// watchServices tells of each change for as long as serveStream would, or as was asked.
func (n *network) watchServices(w http.ResponseWriter, r *http.Request, follower *netview.Follower, told *netview.View, asked *metainternalversion.ListOptions) {
	ctx, end := whileCertified(r)
	defer end()
	ctx, leave := n.services.enter(ctx, nodeName(callerOf(r)))
	defer leave()
	defer giveUpOnDone(ctx, w)()
	w.Header().Set("Content-Type", "application/json")
	atMost := watchAtMost
	if asked.TimeoutSeconds != nil {
		atMost = min(atMost, time.Duration(*asked.TimeoutSeconds)*time.Second)
	}
	over := time.After(atMost)
	isInitial := sendsInitial(asked)
	for {
		view, changed := follower.Current()
		events := serviceEvents(told, view)
		if asked.AllowWatchBookmarks && (isInitial || told == view) {
			events = append(events, bookmark(view, isInitial))
		}
		for _, event := range events {
			if err := writeLine(w, event); err != nil {
				klog.V(2).InfoS("A kubelet's watch of Services ends", "err", err)
				return
			}
		}
		told, isInitial = view, false
		select {
		case <-changed:
		case <-time.After(bookmarkEvery):
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// serviceEvent is a metav1.WatchEvent before it is encoded.
type serviceEvent struct {
	Type   watch.EventType `json:"type"`
	Object *corev1.Service `json:"object"`
}

// serviceEvents are what takes a watcher from one view to another. Only with the last of them it is there: one that has
// heard less comes back with the version before, and hears all of them again.
func serviceEvents(told, view *netview.View) (events []serviceEvent) {
	before, now, version := map[string]*corev1.Service{}, servicesOf(view), view.Version()
	if told != nil {
		before, version = servicesOf(told), told.Version()
	}
	for _, key := range slices.Sorted(maps.Keys(now)) {
		switch had := before[key]; had {
		case now[key]:
		case nil:
			events = append(events, serviceEvent{watch.Added, versioned(now[key], version)})
		default:
			events = append(events, serviceEvent{watch.Modified, versioned(now[key], version)})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if now[key] == nil {
			events = append(events, serviceEvent{watch.Deleted, versioned(before[key], version)})
		}
	}
	if len(events) > 0 {
		events[len(events)-1].Object.ResourceVersion = view.Version()
	}
	return events
}

func bookmark(view *netview.View, isInitial bool) serviceEvent {
	at := versioned(&corev1.Service{}, view.Version())
	if isInitial {
		at.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	return serviceEvent{watch.Bookmark, at}
}
