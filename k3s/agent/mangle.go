package agent

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"k8s.io/klog/v2"
)

// iptablesTimeout is how long one call may wait for others that change the tables.
const iptablesTimeout = 10 * time.Second

// mangle is what this agent keeps in the mangle table of one address family: chains of its own, to which the kernel's
// own chains jump before anything else.
type mangle struct {
	// program is iptables or ip6tables.
	program string
	// chains are the kernel's.
	chains []string
	// rules are those that were set last, and standing is how the kernel showed them then.
	rules, standing string
}

func ipv4Mangle() *mangle { return &mangle{program: "iptables", chains: []string{"FORWARD", "INPUT"}} }
func ipv6Mangle() *mangle {
	return &mangle{program: "ip6tables", chains: []string{"PREROUTING", "POSTROUTING"}}
}

// hold sees to it that the rules stand in the kernel, whoever changed what there, and says whether it had to set them.
func (m *mangle) hold(ctx context.Context, rules string) (set bool, err error) {
	live, err := m.save(ctx)
	if err != nil {
		return false, err
	}
	if rules == m.rules {
		if m.jumpsFirst(live) && ours(live) == m.standing {
			return false, nil
		}
		klog.InfoS("Somebody changed the rules that isolate pods: setting them again", "program", m.program)
	}
	return true, m.set(ctx, rules, live)
}

// set replaces our chains and our jumps at once; a connection sees the former rules or the new ones.
func (m *mangle) set(ctx context.Context, rules, live string) error {
	restore := m.jump(rules, live)
	if _, err := m.run(ctx, restore, m.program+"-restore", "--wait", "--noflush"); err != nil {
		return err
	}
	now, err := m.save(ctx)
	if err != nil {
		return err
	}
	if !m.jumpsFirst(now) || strings.Count(now, "\n-A "+chainPrefix) != strings.Count(rules, "\n-A "+chainPrefix) {
		return fmt.Errorf("Cannot isolate pods: %s does not show the rules that were just set", m.program)
	}
	m.rules, m.standing = rules, ours(now)
	return nil
}

// jump completes rules with the jumps to them, in the place of those that are there.
func (m *mangle) jump(rules, live string) string {
	var jumps strings.Builder
	for _, chain := range m.chains {
		there := strings.Count(live, jumpTo(chain))
		jumps.WriteString(strings.Repeat(strings.Replace(jumpTo(chain), "-A", "-D", 1), there))
		jumps.WriteString(strings.Replace(jumpTo(chain), "-A", "-I", 1))
	}
	return strings.Replace(rules, "COMMIT\n", jumps.String()+"COMMIT\n", 1)
}

// jumpsFirst says whether nothing comes before our rules in any of the kernel's chains.
func (m *mangle) jumpsFirst(live string) bool {
	for _, chain := range m.chains {
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

func (m *mangle) save(ctx context.Context) (string, error) {
	return m.run(ctx, "", m.program+"-save", "--table", "mangle")
}

func (m *mangle) run(ctx context.Context, input, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, iptablesTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(input)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("Cannot isolate pods: %s: %w: %s", program, err, bytes.TrimSpace(problem.Bytes()))
	}
	return string(output), nil
}
