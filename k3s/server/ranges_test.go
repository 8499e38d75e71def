package server

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	listers "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"daasvader/k3s/wire"
)

// rangesTest is a keeper among nodes that come and go, with a clock of its own.
type rangesTest struct {
	*testing.T
	client  *fake.Clientset
	keeper  *rangeKeeper
	events  *record.FakeRecorder
	cluster netip.Prefix
	now     time.Time
}

func newRangesTest(t *testing.T, cluster string) *rangesTest {
	r := &rangesTest{T: t, client: fake.NewClientset(), cluster: netip.MustParsePrefix(cluster), now: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	r.restart()
	return r
}

// restart begins with what is stored and nothing else.
func (r *rangesTest) restart() {
	r.keeper = rangeKeeperOf(r.client, r.cluster)
	r.keeper.now = func() time.Time { return r.now }
	r.events = record.NewFakeRecorder(100)
	r.keeper.recorder = r.events
}

func (r *rangesTest) add(name, podCIDR string) {
	r.Helper()
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{PodCIDR: podCIDR}}
	if _, err := r.client.CoreV1().Nodes().Create(r.Context(), node, metav1.CreateOptions{}); err != nil {
		r.Fatal(err)
	}
}

func (r *rangesTest) remove(name string) {
	r.Helper()
	if err := r.client.CoreV1().Nodes().Delete(r.Context(), name, metav1.DeleteOptions{}); err != nil {
		r.Fatal(err)
	}
}

func (r *rangesTest) serve() error {
	r.Helper()
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, nil)
	list, err := r.client.CoreV1().Nodes().List(r.Context(), metav1.ListOptions{})
	if err != nil {
		r.Fatal(err)
	}
	for _, node := range list.Items {
		if err := index.Add(&node); err != nil {
			r.Fatal(err)
		}
	}
	r.keeper.nodes = listers.NewNodeLister(index)
	return r.keeper.serve(r.Context())
}

func (r *rangesTest) look() {
	r.Helper()
	if err := r.serve(); err != nil {
		r.Fatal(err)
	}
}

// ranges are those of the nodes that have one; it fails when two have the same.
func (r *rangesTest) ranges() map[string]string {
	r.Helper()
	list, err := r.client.CoreV1().Nodes().List(r.Context(), metav1.ListOptions{})
	if err != nil {
		r.Fatal(err)
	}
	ranges, owners := map[string]string{}, map[string]string{}
	for _, node := range list.Items {
		pods := node.Spec.PodCIDR
		if pods == "" {
			continue
		}
		if owners[pods] != "" {
			r.Fatalf("%s and %s have %s", owners[pods], node.Name, pods)
		}
		ranges[node.Name], owners[pods] = pods, node.Name
	}
	return ranges
}

// refused fails the next write of a kind.
func (r *rangesTest) refused(verb, resource string) {
	isDone := false
	r.client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
		wasDone := isDone
		isDone = true
		return !wasDone, nil, errors.New("the datastore is full")
	})
}

func TestEachNodeGetsARangeOfItsOwn(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/16")
	for index := range 256 {
		r.add(fmt.Sprint("w", index), "")
		if index%50 == 0 {
			r.look()
		}
	}
	r.look()
	ranges := r.ranges()
	if len(ranges) != 256 {
		t.Fatalf("%d of 256 have one", len(ranges))
	}
	for node, pods := range ranges {
		if !wire.IsNodeRange(netip.MustParsePrefix(pods), r.cluster) {
			t.Errorf("%s has %s", node, pods)
		}
	}
	before := maps.Clone(ranges)
	r.restart()
	r.look()
	if !maps.Equal(before, r.ranges()) {
		t.Error("a restart has changed ranges")
	}
}

func TestARangeRestsBeforeItIsAnotherNodes(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/22")
	for index := range 4 {
		r.add(fmt.Sprint("w", index), "")
	}
	r.look()
	former := r.ranges()["w2"]
	r.remove("w2")
	r.add("next", "")
	r.look() // notes that w2 has gone
	for _, pass := range []time.Duration{0, rangeRest / 2, rangeRest/2 - time.Second} {
		r.now = r.now.Add(pass)
		r.restart() // which forgets nothing
		r.look()
		if pods := r.ranges()["next"]; pods != "" {
			t.Fatalf("has %s %s after another node", pods, pass)
		}
	}
	if event := <-r.events.Events; !strings.Contains(event, "NoRange") || !strings.Contains(event, "10.112.0.0/22, are used up") {
		t.Errorf("the node is told %q", event)
	}
	r.look()
	if len(r.events.Events) > 0 {
		t.Error("the node is told again and again")
	}
	r.now = r.now.Add(time.Second)
	r.look()
	if pods := r.ranges()["next"]; pods != former {
		t.Errorf("has %q after the rest, expected %s", pods, former)
	}
}

func TestANodeThatGoesUnseenLeavesARangeThatRests(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/24")
	r.add("first", "")
	r.look()
	r.remove("first")
	r.now = r.now.Add(24 * time.Hour) // nobody looked
	r.restart()
	r.add("second", "")
	r.look()
	if pods := r.ranges()["second"]; pods != "" {
		t.Errorf("has %s at once", pods)
	}
	r.now = r.now.Add(rangeRest)
	r.look()
	if r.ranges()["second"] == "" {
		t.Error("has none after the rest")
	}
}

func TestANodeThatComesBackHasItsOwnRangeAtOnce(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/12")
	r.add("w", "")
	r.look()
	former := r.ranges()["w"]
	for range 3 {
		r.remove("w")
		r.look()
		r.add("w", "")
		r.look()
		if pods := r.ranges()["w"]; pods != former {
			t.Fatalf("has %s, had %s", pods, former)
		}
	}
}

func TestWhatEndsHalfWayGivesNothingTwice(t *testing.T) {
	for _, write := range []struct{ verb, resource string }{{"create", "configmaps"}, {"update", "configmaps"}, {"patch", "nodes"}} {
		t.Run(write.verb+" "+write.resource, func(t *testing.T) {
			r := newRangesTest(t, "10.112.0.0/24")
			if write.verb == "update" {
				r.add("former", "")
				r.look()
				r.remove("former")
				r.look()
				r.now = r.now.Add(rangeRest)
			}
			r.add("first", "")
			r.refused(write.verb, write.resource)
			if err := r.serve(); err == nil || len(r.ranges()) > 0 {
				t.Fatalf("error is %v, ranges are %v", err, r.ranges())
			}
			r.restart()
			r.add("second", "")
			r.look()
			r.look()
			if ranges := r.ranges(); len(ranges) != 1 || write.verb == "patch" && ranges["first"] == "" {
				t.Errorf("ranges are %v", ranges)
			}
		})
	}
}

func TestRangesThatOthersGaveAreNotGivenAgain(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/22")
	r.add("of-before", "10.112.1.0/24")
	r.add("large", "10.112.2.0/23")
	r.add("elsewhere", "10.42.0.0/24")
	r.add("next", "")
	r.add("late", "")
	r.look()
	ranges := r.ranges()
	if ranges["next"]+ranges["late"] != "10.112.0.0/24" {
		t.Errorf("ranges are %v", ranges)
	}
	r.remove("of-before")
	r.look()
	if after := r.ranges(); len(after) != 3 {
		t.Errorf("a range that another gave does not rest: %v", after)
	}
}

func TestTheClockMayGoBack(t *testing.T) {
	r := newRangesTest(t, "10.112.0.0/24")
	r.add("first", "")
	r.look()
	r.remove("first")
	r.look()
	r.now = r.now.Add(-24 * time.Hour)
	r.add("second", "")
	r.look()
	r.now = r.now.Add(rangeRest - time.Second)
	r.look()
	if r.ranges()["second"] != "" {
		t.Error("the rest was cut short")
	}
	r.now = r.now.Add(time.Second)
	r.look()
	if r.ranges()["second"] == "" {
		t.Error("the range rests for a day")
	}
}

func TestTheBookKeepsWhatItCanRead(t *testing.T) {
	data := map[string]string{
		"10.112.0.0": "w0", "10.112.1.0": "w1 2026-12-01T00:00:00Z",
		"10.112.2.0": "", "10.112.3.0": "w3 soon", "10.112.4.7": "w4", "10.42.0.0": "w5", "fd00::": "w6", "x": "w7",
	}
	book, problems := parseRangeBook(data, netip.MustParsePrefix("10.112.0.0/12"))
	if kept := slices.Sorted(maps.Keys(book.data())); !slices.Equal(kept, []string{"10.112.0.0", "10.112.1.0"}) || len(problems) != 6 {
		t.Errorf("kept %v, problems %v", kept, problems)
	}
	if again := book.data(); again["10.112.1.0"] != data["10.112.1.0"] {
		t.Errorf("has %v", again)
	}
}
