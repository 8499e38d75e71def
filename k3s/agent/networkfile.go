package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/pki"
	"daasvader/k3s/wire"
)

// networkFilePause is between two writes of the file: what it lacks, the server says again.
const networkFilePause = 5 * time.Second

// readFile takes what keep wrote as if the server had said it.
func (n *network) readFile() error {
	file, err := os.Open(n.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	line, err := io.ReadAll(io.LimitReader(file, wire.MaxNetworkBytes+1))
	if err != nil {
		return err
	}
	return n.take(line)
}

// keep writes the newest network to the disk until the context ends.
func (n *network) keep(ctx context.Context) error {
	return n.follow(ctx, func(now wire.Network) {
		if err := n.writeFile(now); err != nil {
			klog.ErrorS(err, "Cannot keep the network for the next agent")
		}
		select {
		case <-time.After(networkFilePause):
		case <-ctx.Done():
		}
	})
}

func (n *network) writeFile(now wire.Network) error {
	line, err := json.Marshal(everything(now))
	if err != nil {
		return fmt.Errorf("write %s: %w", n.file, err)
	}
	return pki.WriteFile(n.file, line, 0o600)
}

// forget has the next agent begin with nothing.
func (n *network) forget() error {
	if err := os.Remove(n.file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// everything is the update that makes a network out of none.
func everything(n wire.Network) wire.NetworkUpdate {
	return wire.NetworkUpdate{
		Version:        n.Version,
		Reset:          true,
		Self:           &n.Self,
		Peers:          changesOf(n.Peers),
		Namespaces:     changesOf(n.Namespaces),
		Pods:           changesOf(n.Pods),
		Services:       changesOf(n.Services),
		EndpointSlices: changesOf(n.EndpointSlices),
		Policies:       changesOf(n.Policies),
	}
}

func changesOf[T any](set map[string]T) wire.Changes[T] { return wire.Changes[T]{Set: set} }
