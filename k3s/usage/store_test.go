package usage

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

var web = container{"uid", "web"}

// began is when the container of the tests started; the kubelets of the tests are asked some seconds later.
var began = time.Unix(1763000000, 0)

// told is what a kubelet says some seconds after a container began that uses half a core.
func told(seconds, cpu float64) *sample {
	at := began.Add(time.Duration(seconds * float64(time.Second)))
	is := point{at: at, started: began, cpu: cpu, memory: 1 << 20, hasCPU: true, hasMemory: true}
	node := is
	node.started = time.Time{}
	return &sample{node: node, containers: map[container]point{web: is}}
}

func used(s *store) (float64, bool) {
	of, _ := s.ofPod("w1", "uid", []string{"web"})
	return of["web"].cores, len(of) > 0
}

func TestUsageIsWhatWasUsedBetweenTwoAnswers(t *testing.T) {
	s := newStore()
	s.put("w1", told(300, 100))
	if cores, is := used(s); is {
		t.Errorf("%f cores after one answer", cores)
	}
	s.put("w1", told(315, 107.5))
	if cores, _ := used(s); cores != 0.5 {
		t.Errorf("%f cores", cores)
	}
	node, asked, is := s.ofNode("w1")
	if !is || node.cores != 0.5 || node.memory != 1<<20 || node.window != 15*time.Second || asked.IsZero() {
		t.Errorf("node uses %+v", node)
	}
}

func TestKubeletThatDidNotLookAgainSaysWhatHeld(t *testing.T) {
	s := newStore()
	for _, each := range []*sample{told(300, 100), told(315, 107.5), told(315, 107.5)} {
		s.put("w1", each)
	}
	if cores, _ := used(s); cores != 0.5 {
		t.Errorf("%f cores", cores)
	}
	s.put("w1", told(330, 122.5))
	if cores, _ := used(s); cores != 1 {
		t.Errorf("%f cores after it looked again", cores)
	}
}

func TestYoungContainerIsMeasuredFromItsBeginning(t *testing.T) {
	s := newStore()
	s.put("w1", told(20, 10))
	if cores, _ := used(s); cores != 0.5 {
		t.Errorf("%f cores", cores)
	}
}

func TestCountersThatDoNotFitTogetherSayNothing(t *testing.T) {
	restarted := told(315, 107.5)
	is := restarted.containers[web]
	is.started = began.Add(314 * time.Second)
	restarted.containers[web] = is
	for name, next := range map[string]*sample{
		"a counter that goes back": told(315, 50),
		"a clock that goes back":   told(200, 107.5),
		"a moment later":           told(300.5, 107.5),
		"another container":        restarted,
	} {
		s := newStore()
		s.put("w1", told(300, 100))
		s.put("w1", next)
		if cores, is := used(s); is {
			t.Errorf("%s: %f cores", name, cores)
		}
	}
}

func TestPodIsToldOfWhenAllItsContainersAreMeasured(t *testing.T) {
	s := newStore()
	s.put("w1", told(300, 100))
	both := told(315, 107.5)
	both.containers[container{"uid", "new"}] = point{at: began, hasCPU: true, hasMemory: true}
	s.put("w1", both)
	if of, _ := s.ofPod("w1", "uid", []string{"web", "new"}); of != nil {
		t.Errorf("it is %v", of)
	}
	if of, _ := s.ofPod("w1", "uid", []string{"web", "never-ran"}); len(of) != 1 {
		t.Errorf("without one that does not run it is %v", of)
	}
}

func TestNodeSaysNothingForThePodsOfAnother(t *testing.T) {
	s := newStore()
	s.put("w1", told(300, 100))
	s.put("w1", told(315, 107.5))
	if of, _ := s.ofPod("w2", "uid", []string{"web"}); of != nil {
		t.Errorf("it is %v", of)
	}
	if of, _ := s.ofPod("w1", "another", []string{"web"}); len(of) != 0 {
		t.Errorf("of a pod with the name of a former one it is %v", of)
	}
}

func TestSilentNodeIsNotToldOf(t *testing.T) {
	s := newStore()
	s.put("w1", told(300, 100))
	s.put("w1", told(315, 107.5))
	s.now = func() time.Time { return time.Now().Add(freshFor + time.Second) }
	if cores, is := used(s); is {
		t.Errorf("%f cores", cores)
	}
	if _, _, is := s.ofNode("w1"); is {
		t.Error("the node is told of")
	}
	s.forget(func(node string) bool { return node == "w1" })
	if len(s.nodes) != 0 {
		t.Errorf("%v is kept", s.nodes)
	}
}

func TestTenThousandPodsTakeLittleMemory(t *testing.T) {
	s := newStore()
	before := heap()
	for round := range 3 {
		for node := range 100 {
			many := told(300+15*float64(round), 100+float64(round))
			for pod := range 100 {
				many.containers[container{types.UID(fmt.Sprintf("%036d", node*100+pod)), "web"}] = many.containers[web]
			}
			s.put(fmt.Sprint("w", node), many)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	} else {
		t.Logf("%d KiB", grown>>10)
	}
	runtime.KeepAlive(s)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
