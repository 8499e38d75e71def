package netview

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

const podsOfATenant = 20

// largeCluster is one of so many nodes with ten pods each, of tenants with 20 pods that lie anywhere and two Services. Each
// second tenant has a policy.
func largeCluster(b *testing.B, nodes int) (f *fixture, pods []*corev1.Pod) {
	f = newFixture(b)
	f.now = time.Now
	random := rand.New(rand.NewPCG(1, 1))
	last := map[int]int{}
	for i := range nodes {
		n := nodeNamed(fmt.Sprintf("worker-%d", i), 0, endpoint(i+1))
		n.Spec.PodCIDR = fmt.Sprintf("10.%d.%d.0/24", 64+i/256, i%256)
		f.put(n)
	}
	f.put(open("default"), serviceNamed("default", "kubernetes", "10.96.0.1"))
	for tenant := range nodes * 10 / podsOfATenant {
		name := fmt.Sprintf("tenant-%d", tenant)
		f.put(tenants(name, fmt.Sprintf("0x%064x", tenant)))
		var addresses []string
		for i := range podsOfATenant {
			at := random.IntN(nodes)
			for last[at] == 250 {
				at = random.IntN(nodes)
			}
			last[at]++
			address := fmt.Sprintf("10.%d.%d.%d", 64+at/256, at%256, last[at]+1)
			pod := podOn(fmt.Sprintf("worker-%d", at), name, fmt.Sprintf("web-5d8f7c9b6d-%05d", i), address)
			addresses = append(addresses, address)
			pods = append(pods, pod)
			f.put(pod)
		}
		for i, service := range []string{"web", "db"} {
			half := addresses[i*podsOfATenant/2 : (i+1)*podsOfATenant/2]
			f.put(serviceNamed(name, service, fmt.Sprintf("10.96.%d.%d", tenant%250, i+1)), sliceOf(name, service, half...))
		}
		if tenant%2 == 0 {
			f.put(opens(name, "in", name))
		}
	}
	f.refresh()
	return f, pods
}

// told is how many views are newer than they were.
func (f *fixture) told(before map[string]*View) (count int) {
	for name, n := range f.nodes {
		if before[name] != n.newest() {
			count++
		}
		before[name] = n.newest()
	}
	return count
}

// BenchmarkAChangeAmong1000Nodes stops a pod and starts it again, and counts whom it is told.
func BenchmarkAChangeAmong1000Nodes(b *testing.B) {
	f, pods := largeCluster(b, 1000)
	views, most, sum, bytes := map[string]*View{}, 0, 0, 0
	f.told(views)
	var spent time.Duration
	for i := 0; b.Loop(); i++ {
		pod := pods[i*7919%len(pods)]
		ended := pod.DeepCopy()
		ended.Status.Phase = corev1.PodFailed
		for _, object := range []*corev1.Pod{ended, pod} {
			former := map[string]*View{}
			for name, view := range views {
				former[name] = view
			}
			began := time.Now()
			f.put(object)
			f.refresh()
			spent += time.Since(began)
			count := f.told(views)
			most, sum = max(most, count), sum+count
			for name, view := range views {
				if former[name] != view {
					content, _ := json.Marshal(view.Since(former[name]))
					bytes += len(content)
				}
			}
		}
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(2*b.N)/1000, "ms/change")
	b.ReportMetric(float64(sum)/float64(2*b.N), "nodes-told/change")
	b.ReportMetric(float64(most), "nodes-told-at-most")
	b.ReportMetric(float64(bytes)/float64(sum), "bytes/line")
}

// BenchmarkAViewAt100Nodes writes all that a node knows.
func BenchmarkAViewAt100Nodes(b *testing.B) {
	f, _ := largeCluster(b, 100)
	bytes, lines, most := 0, 0, 0
	for b.Loop() {
		for _, n := range f.nodes {
			content, err := json.Marshal(n.newest().Since(nil))
			if err != nil {
				b.Fatal(err)
			}
			bytes, lines, most = bytes+len(content), lines+1, max(most, len(content))
		}
	}
	b.ReportMetric(float64(bytes)/float64(lines), "bytes/view")
	b.ReportMetric(float64(most), "bytes-at-most")
	b.ReportMetric(float64(len(f.nodes["worker-0"].newest().peers)), "peers")
}

// BenchmarkFromEventToLine has an endpoint become ready or not, and waits for the line of one node that is told of it.
func BenchmarkFromEventToLine(b *testing.B) {
	f, pods := largeCluster(b, 1000)
	f.refresh()
	go f.keepTelling(b.Context())
	var times []float64
	for i := 0; b.Loop(); i++ {
		pod := pods[i*podsOfATenant%len(pods)]
		slice := sliceOf(pod.Namespace, "web", pod.Status.PodIP)
		slice.Endpoints[0].Conditions.Ready = ptr.To(i%2 == 0)
		follower := f.Follow(pod.Spec.NodeName)
		told, changed := follower.Current()
		began := time.Now()
		f.put(slice)
		<-changed
		view, _ := follower.Current()
		if _, err := json.Marshal(view.Since(told)); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began).Seconds()*1000)
		follower.Close()
	}
	slices.Sort(times)
	b.ReportMetric(times[len(times)/2], "p50-ms")
	b.ReportMetric(times[len(times)*99/100], "p99-ms")
}

// BenchmarkANodeJoins1000Others proves a new node's key and states its endpoint.
func BenchmarkANodeJoins1000Others(b *testing.B) {
	f, pods := largeCluster(b, 1000)
	var spent time.Duration
	for i := 0; b.Loop(); i++ {
		n := nodeNamed("joining", 0, endpoint(5000+i))
		n.Spec.PodCIDR = "10.79.0.0/24"
		began := time.Now()
		f.put(n, podOn("joining", pods[0].Namespace, "new", "10.79.0.2"))
		f.relaysAt = time.Time{}
		f.refresh()
		spent += time.Since(began)
		f.remove(n, podOn("joining", pods[0].Namespace, "new", ""))
		f.refresh()
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N)/1000, "ms/join")
}
