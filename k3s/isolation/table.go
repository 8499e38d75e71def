package isolation

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/klog/v2"
)

// table is what isolation keeps in one table of one address family: chains of its own, to which the kernel's own chains
// jump before anything else.
type table struct {
	// program is iptables or ip6tables.
	program, name string
	// chains are the kernel's.
	chains []string
	// rules are those that were set last, and standing is how the kernel showed them then.
	rules, standing string
	// restored is told when somebody else changed them.
	restored func()
	// drops are the packets that each reason has dropped.
	drops dropCounts
}

func mangle4() *table {
	return newTable("iptables", "mangle", "PREROUTING", "FORWARD", "INPUT", "OUTPUT", "POSTROUTING")
}
func raw4() *table    { return newTable("iptables", "raw", "PREROUTING", "OUTPUT") }
func nat4() *table    { return newTable("iptables", "nat", "POSTROUTING") }
func mangle6() *table { return newTable("ip6tables", "mangle", "PREROUTING", "OUTPUT", "POSTROUTING") }

func newTable(program, name string, chains ...string) *table {
	return &table{program: program, name: name, chains: chains, restored: func() {}}
}

// hold sees to it that the rules stand in the kernel, whoever changed what there, and says whether it had to set them.
func (t *table) hold(ctx context.Context, rules string) (set bool, err error) {
	live, err := t.save(ctx)
	if err != nil {
		return false, err
	}
	if rules == t.rules {
		if t.jumpsFirst(live) && ours(live) == t.standing {
			return false, nil
		}
		klog.InfoS("Somebody changed the rules that isolate pods: setting them again", "program", t.program, "table", t.name)
		t.restored()
	}
	return true, t.set(ctx, rules, live)
}

// set replaces our chains and our jumps at once; a connection sees the former rules or the new ones.
func (t *table) set(ctx context.Context, rules, live string) error {
	if _, err := run(ctx, t.jump(rules, live), t.program+"-restore", "--wait", "--noflush"); err != nil {
		return err
	}
	now, err := t.save(ctx)
	if err != nil {
		return err
	}
	if !t.jumpsFirst(now) || strings.Count(now, "\n-A "+chainPrefix) != strings.Count(rules, "\n-A "+chainPrefix) {
		return fmt.Errorf("Cannot isolate pods: %s does not show the rules that were just set", t.program)
	}
	t.rules, t.standing = rules, ours(now)
	return nil
}

// jump completes rules with the jumps to them, in the place of those that are there.
func (t *table) jump(rules, live string) string {
	var jumps strings.Builder
	for _, chain := range t.chains {
		there := strings.Count(live, "\n"+jumpTo(chain))
		jumps.WriteString(strings.Repeat(strings.Replace(jumpTo(chain), "-A", "-D", 1), there))
		jumps.WriteString(strings.Replace(jumpTo(chain), "-A", "-I", 1))
	}
	return strings.Replace(rules, "COMMIT\n", jumps.String()+"COMMIT\n", 1)
}

// jumpsFirst says whether nothing comes before our rules in any of the kernel's chains.
func (t *table) jumpsFirst(live string) bool {
	for _, chain := range t.chains {
		first := strings.Index(live, "\n-A "+chain+" ")
		if first < 0 || !strings.HasPrefix(live[first+1:], jumpTo(chain)) {
			return false
		}
	}
	return true
}

func jumpTo(chain string) string { return fmt.Sprintf("-A %s -j %s%s\n", chain, chainPrefix, chain) }

// ours are the lines of a saved table that are about our chains.
func ours(saved string) string {
	var out strings.Builder
	for line := range strings.Lines(saved) {
		if strings.Contains(line, chainPrefix) {
			out.WriteString(line)
		}
	}
	return out.String()
}

// save returns the table as the kernel has it, and takes the counters out of it.
func (t *table) save(ctx context.Context) (string, error) {
	saved, err := run(ctx, "", t.program+"-save", "--counters", "--table", t.name)
	if err != nil {
		return "", err
	}
	return t.drops.read(saved), nil
}
