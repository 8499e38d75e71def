package isolation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daasvader/k3s/publicnet"
	"daasvader/k3s/wire"
)

// randomNetwork has a few pods of two owners on two nodes, and policies between them; every one differs.
func randomNetwork(random *rand.Rand) wire.Network {
	network := wire.Network{
		Self:       wire.Self{Range: netip.MustParsePrefix("10.42.0.0/24")},
		Peers:      map[string]wire.Peer{"far": {Address: netip.MustParseAddr(far), Range: netip.MustParsePrefix("10.42.1.0/24")}},
		Namespaces: map[string]wire.Namespace{"a": {Owner: "0xa"}, "a2": {Owner: "0xa"}, "b": {Owner: "0xb"}, "default": {}, "open": {}},
		Pods:       map[string]wire.Pod{}, Policies: map[string]wire.Policy{},
	}
	names := []string{"a", "a2", "b", "default", "open"}
	var pods []netip.Addr
	for _, address := range candidates[:8] {
		if random.IntN(4) == 0 {
			continue
		}
		node := "here"
		if address.As4()[2] == 1 {
			node = "far"
		}
		network.Pods[address.String()] = wire.Pod{Namespace: names[random.IntN(len(names))], Name: fmt.Sprint(random.IntN(3)), Node: node}
		pods = append(pods, address)
	}
	some := func() (some []netip.Addr) {
		for _, pod := range pods {
			if random.IntN(3) == 0 {
				some = append(some, pod)
			}
		}
		return some
	}
	for n := range random.IntN(5) {
		rules := func() (rules []wire.PolicyRule) {
			for range random.IntN(3) {
				rule := wire.PolicyRule{Pods: some()}
				if random.IntN(2) == 0 {
					rule.Nets = [][]netip.Prefix{networks("0.0.0.0/0"), networks("8.0.0.0/8"), networks("8.8.4.4/32")}[random.IntN(3)]
				}
				rule.Ports = [][]wire.PortRange{nil, tcp(80, 82), tcp(1, 65535)}[random.IntN(3)]
				rules = append(rules, rule)
			}
			return rules
		}
		network.Policies[fmt.Sprint(n)] = wire.Policy{
			Pods: some(), IsIngress: random.IntN(2) == 0, IsEgress: random.IntN(2) == 0, Ingress: rules(), Egress: rules(),
		}
	}
	return network
}

// candidates are pods of both nodes, the nodes themselves, and others.
var candidates = func() (all []netip.Addr) {
	for _, text := range []string{
		"10.42.0.2", "10.42.0.3", "10.42.0.4", "10.42.0.5", "10.42.0.254", "10.42.1.2", "10.42.1.3", "10.42.1.4",
		far, internet, "8.1.1.1", "1.1.1.1", "192.168.1.1", "172.16.0.1",
	} {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}()

type question struct {
	from netip.Addr
	to   end
}

// allowed answers all questions.
func allowed(s *state) map[question]bool {
	answers := map[question]bool{}
	for _, from := range candidates {
		for _, to := range candidates {
			for _, port := range []uint16{81, 90} {
				q := question{from, end{to, unix.IPPROTO_TCP, port}}
				answers[q] = s.allows(from, q.to, publicnet.Local{})
			}
		}
	}
	return answers
}

func TestNoMomentOfAChangeOpensWhatIsNeitherOpenBeforeNorAfter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var before *state
	var numbers map[string]uint32
	opened := 0
	for round := range 100 {
		refused := [][]netip.Prefix{networks("192.168.0.0/16", "8.1.0.0/16"), networks("192.168.0.0/16", "172.16.0.0/12")}[random.IntN(2)]
		after, err := compile(randomNetwork(random), options, refused, numbers)
		if err != nil {
			t.Fatal(err)
		}
		numbers = after.numbers
		if before == nil {
			before = after
			continue
		}
		was, will := allowed(before), allowed(after)
		moment := *before
		for id := range moment.sets {
			moment.sets[id] = maps.Clone(before.sets[id])
		}
		for line := range strings.Lines(changeTo(&before.sets, &after.sets).script()) {
			obey(t, &moment, line)
			for q, is := range allowed(&moment) {
				if is && !was[q] && !will[q] {
					t.Fatalf("round %d: %v is open for a moment, after %s", round, q, line)
				}
				if is {
					opened++
				}
			}
		}
		if changeTo(&moment.sets, &after.sets).entries != 0 {
			t.Fatalf("round %d: the change leads elsewhere", round)
		}
		before = after
	}
	if opened == 0 {
		t.Error("nothing was ever open")
	}
}

// obey does to sets what ipset would.
func obey(t *testing.T, s *state, line string) {
	t.Helper()
	words := strings.Fields(line)
	id := setIDs[words[1]]
	e, err := kinds[id].parse(words[2])
	if err != nil {
		t.Fatal(err)
	}
	if words[0] == "del" {
		delete(s.sets[id], e)
		return
	}
	var m mark
	if len(words) > 3 {
		if m, err = parseMark(words[3:]); err != nil {
			t.Fatal(err)
		}
	}
	s.sets[id][e] = m
}

func TestChangeOfOnePodTouchesNoOther(t *testing.T) {
	network := randomNetwork(rand.New(rand.NewPCG(3, 4)))
	network.Policies = nil
	before, err := compile(network, options, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	network.Pods = maps.Clone(network.Pods)
	network.Pods["10.42.0.77"] = wire.Pod{Namespace: "a", Name: "new", Node: "here"}
	after, err := compile(network, options, nil, before.numbers)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(changeTo(&before.sets, &after.sets).script()) {
		if !strings.HasPrefix(line, "add ") || !strings.Contains(line, " 10.42.0.77") {
			t.Errorf("%s", line)
		}
	}
}

func TestSetsAreReadAsTheyAreWritten(t *testing.T) {
	s, err := compile(randomNetwork(rand.New(rand.NewPCG(5, 6))), options, networks("192.168.0.0/16"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, kind := range kinds {
		script.WriteString(kind.create() + "\n")
	}
	script.WriteString(changeTo(&contents{}, &s.sets).script())
	ns := newNamespace(t)
	var read *kernelSets
	if err := within(ns, func() (err error) {
		if err := restore(t.Context(), script.String()); err != nil {
			return err
		}
		read, err = readSets(t.Context())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if !read.holds(&s.sets) {
		t.Errorf("missing %v, foreign %v, strange %v", read.missing, read.foreign, read.strange)
	}
	for _, line := range []string{
		"create K3S-LOCAL hash:net family inet hashsize 64 maxelem 256 skbinfo",
		"create K3S-LOCAL hash:ip family inet hashsize 64 maxelem 256",
		"create K3S-REFUSED hash:net family inet hashsize 64 maxelem 65536 timeout 9",
		"add K3S-REFUSED 192.168.0.0/16 nomatch",
		"add K3S-OUT-PORTS 10.42.0.5,icmp:8/0,1.1.1.1",
		"add K3S-LOCAL 10.42.0.9",
	} {
		read, err := parseSets(strings.NewReader(line + "\n"))
		if err != nil || len(read.foreign)+len(read.strange) != 1 {
			t.Errorf("%s: foreign %v, strange %v, error %v", line, read.foreign, read.strange, err)
		}
	}
}
