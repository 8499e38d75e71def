// Package usage keeps what kubelets say that nodes and pods use of processors and memory, and serves it as the API
// metrics.k8s.io. A kubelet is believed about the pods that are bound to its node and no others, and within bounds.
package usage

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// Path is where a kubelet tells, as lines of Prometheus's text format.
	Path = "/metrics/resource"
	// maxBytes is how long all of it may be: 110 pods of some containers each take a tenth of it.
	maxBytes = 4 << 20
	// maxLine is how long a line may be: its three names have 253 characters at most.
	maxLine = 4 << 10
	// maxCores and maxMemory, in bytes, are more than a machine has; what is beyond counts as that.
	maxCores  = 4096
	maxMemory = 1 << 46
)

// container is one container of a pod, whatever else has had its name before.
type container struct {
	pod  types.UID
	name string
}

// point is what was used at one time, by the kubelet's clock.
type point struct {
	at      time.Time
	started time.Time // zero: not told
	cpu     float64   // seconds since the start
	memory  float64   // bytes
	// hasCPU and hasMemory say what has been told.
	hasCPU, hasMemory bool
}

// sample is what a kubelet says at one time.
type sample struct {
	node       point
	containers map[container]point
}

// boundPod returns the pod of a name when it is bound to the node that speaks.
type boundPod func(namespace, name string) *corev1.Pod

// Lines are metric{labels} value milliseconds, or without labels. Kubernetes's names need no escapes.
var (
	linePattern  = regexp.MustCompile(`^([a-z_]+)(?:\{([^{}]*)\})? (\S+) (\d{1,15})$`)
	labelPattern = regexp.MustCompile(`(?:^|,)(container|namespace|pod)="([^"\\]*)"`)
)

// readSample reads what a kubelet says. What is not understood, or is of pods that are not the node's, is left out.
func readSample(from io.Reader, pod boundPod) (*sample, error) {
	limited := &io.LimitedReader{R: from, N: maxBytes + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(make([]byte, 0, maxLine), maxLine)
	read := &sample{containers: map[container]point{}}
	for lines.Scan() {
		read.add(lines.Text(), pod)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if limited.N == 0 {
		return nil, fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	return read, nil
}

func (s *sample) add(line string, pod boundPod) {
	parts := linePattern.FindStringSubmatch(line)
	if parts == nil {
		return
	}
	value, err := strconv.ParseFloat(parts[3], 64)
	if err != nil || math.IsNaN(value) || value < 0 {
		return
	}
	at, err := strconv.ParseInt(parts[4], 10, 64)
	if err != nil {
		return
	}
	if what, isOfNode := strings.CutPrefix(parts[1], "node_"); isOfNode {
		s.node = s.node.with(what, value, at)
	} else if what, isOfContainer := strings.CutPrefix(parts[1], "container_"); isOfContainer {
		if key, is := containerOf(parts[2], pod); is {
			s.containers[key] = s.containers[key].with(what, value, at)
		}
	}
}

// containerOf returns the container that labels name, when it is one of a pod of the node.
func containerOf(labels string, bound boundPod) (container, bool) {
	names := map[string]string{}
	for _, label := range labelPattern.FindAllStringSubmatch(labels, -1) {
		names[label[1]] = label[2]
	}
	pod := bound(names["namespace"], names["pod"])
	if pod == nil {
		return container{}, false
	}
	for _, each := range [][]corev1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
		for i := range each {
			if each[i].Name == names["container"] {
				return container{pod.UID, each[i].Name}, true // not what was read, which holds the whole line
			}
		}
	}
	return container{}, false
}

// with returns the point with one metric more.
func (p point) with(what string, value float64, at int64) point {
	switch what {
	case "cpu_usage_seconds_total":
		p.cpu, p.hasCPU, p.at = value, true, time.UnixMilli(at)
	case "memory_working_set_bytes":
		p.memory, p.hasMemory = min(value, maxMemory), true
	case "start_time_seconds":
		p.started = time.UnixMilli(int64(min(value, 1e12) * 1000))
	}
	return p
}

func (p point) isComplete() bool { return p.hasCPU && p.hasMemory }
