package usage

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func podOn(node, namespace, name string, containers ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID(namespace + "/" + name)}}
	pod.Spec.NodeName = node
	for _, each := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: each})
	}
	return pod
}

// bound finds pods by their names, as those of one node.
func bound(pods ...*corev1.Pod) boundPod {
	return func(namespace, name string) *corev1.Pod {
		for _, pod := range pods {
			if pod.Namespace == namespace && pod.Name == name {
				return pod
			}
		}
		return nil
	}
}

// kubelet is what a real one says, shortened.
const kubelet = `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} 12.5 1763000000123
container_cpu_usage_seconds_total{container="web",namespace="u-2",pod="not-here"} 9 1763000000123
container_memory_working_set_bytes{container="web",namespace="u-1",pod="web-0"} 1.2e+06 1763000000123
container_start_time_seconds{container="web",namespace="u-1",pod="web-0"} 1.7629999e+09 1763000000123
node_cpu_usage_seconds_total 100.25 1763000000456
node_memory_working_set_bytes 5e+08 1763000000456
pod_cpu_usage_seconds_total{namespace="u-1",pod="web-0"} 13 1763000000123
resource_scrape_error 0
`

func TestKubeletTellsOfItsNodeAndOfThePodsThatAreBoundToIt(t *testing.T) {
	read, err := readSample(strings.NewReader(kubelet), bound(podOn("w1", "u-1", "web-0", "web")))
	if err != nil {
		t.Fatal(err)
	}
	if n := read.node; !n.isComplete() || n.cpu != 100.25 || n.memory != 5e8 || n.at.UnixMilli() != 1763000000456 {
		t.Errorf("node %+v", n)
	}
	web := read.containers[container{"u-1/web-0", "web"}]
	if !web.isComplete() || web.cpu != 12.5 || web.memory != 1.2e6 || web.started.Unix() != 1762999900 {
		t.Errorf("container %+v", web)
	}
	if len(read.containers) != 1 {
		t.Errorf("containers %v", read.containers)
	}
}

func TestWhatAKubeletMakesUpIsLeftOut(t *testing.T) {
	pod := podOn("w1", "u-1", "web-0", "web")
	for name, line := range map[string]string{
		"without labels":             `container_cpu_usage_seconds_total 5 1763000000123`,
		"with no label's end":        `container_cpu_usage_seconds_total{container="web 5 1763000000123`,
		"with labels that break off": `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0" 5 1763000000123`,
		"of a container of no pod":   `container_cpu_usage_seconds_total{container="web"} 5 1763000000123`,
		"of another container":       `container_cpu_usage_seconds_total{container="other",namespace="u-1",pod="web-0"} 5 1763000000123`,
		"with quotes in a name":      `container_cpu_usage_seconds_total{container="\"web",namespace="u-1",pod="web-0"} 5 1763000000123`,
		"of no number":               `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} NaN 1763000000123`,
		"of less than nothing":       `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} -5 1763000000123`,
		"at no time":                 `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} 5`,
		"at a time beyond all":       `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} 5 99999999999999999999`,
		"of what nobody asked for":   `container_secrets_total{container="web",namespace="u-1",pod="web-0"} 5 1763000000123`,
	} {
		read, err := readSample(strings.NewReader(line), bound(pod))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for key, point := range read.containers {
			if point.hasCPU || point.hasMemory {
				t.Errorf("%s: %v is %+v", name, key, point)
			}
		}
	}
}

func TestKubeletThatSaysTooMuchIsNotReadToItsEnd(t *testing.T) {
	for name, said := range map[string]string{
		"in one line":   "x",
		"in many lines": "resource_scrape_error 0\n",
		"about one pod": `container_cpu_usage_seconds_total{container="web",namespace="u-1",pod="web-0"} 5 1763000000123` + "\n",
	} {
		from := &endless{said: said}
		if _, err := readSample(from, bound(podOn("w1", "u-1", "web-0", "web"))); err == nil {
			t.Errorf("%s: read to an end that it does not have", name)
		}
		if from.read > maxBytes+1 {
			t.Errorf("%s: %d bytes are read", name, from.read)
		}
	}
}

// endless says the same for ever.
type endless struct {
	said string
	read int
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.said[(e.read+i)%len(e.said)]
	}
	e.read += len(b)
	return len(b), nil
}

var _ io.Reader = &endless{}

func TestNumbersBeyondAMachineAreClipped(t *testing.T) {
	used := point{memory: maxMemory}.over(time.Second, 1e300)
	if used.cores != maxCores {
		t.Errorf("%f cores", used.cores)
	}
	said := fmt.Sprintf("node_memory_working_set_bytes %s 1763000000123\n", "1e300")
	read, err := readSample(strings.NewReader(said), bound())
	if err != nil || read.node.memory != maxMemory {
		t.Errorf("memory %g, error %v", read.node.memory, err)
	}
	resources := used.resources()
	if cpu := resources.Cpu().MilliValue(); cpu != maxCores*1000 {
		t.Errorf("%d millicores", cpu)
	}
}
