// Package pulls stands between containerd and the registries: images come from the public internet only, or from where
// the provider of the machine said.
package pulls

import (
	"context"
	"errors"
)

// Proxy is an HTTP proxy on the loopback address that reaches no private address.
type Proxy struct{}

// Listen opens the proxy. Folders of mirrors, in containerd's form, name the hosts that may have private addresses.
func Listen(mirrors string) (*Proxy, error) { return nil, errors.ErrUnsupported }

// Environment is what a program needs to use the proxy, as in "HTTPS_PROXY=…".
func (p *Proxy) Environment() []string { return nil }

// Run serves until the context ends.
func (p *Proxy) Run(ctx context.Context) error { return errors.ErrUnsupported }
