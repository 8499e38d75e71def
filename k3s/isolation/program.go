package isolation

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// programTimeout is how long one call may take, and wait for others that change the tables.
const programTimeout = 10 * time.Second

// run runs a program and returns what it wrote.
func run(ctx context.Context, input, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, programTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = strings.NewReader(input)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	output, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("Cannot isolate pods: %s: %w: %.500s", program, err, bytes.TrimSpace(problem.Bytes()))
	}
	return string(output), nil
}
