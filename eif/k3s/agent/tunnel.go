package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/rancher/remotedialer"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

// errTunnelClosed says that the server closed the tunnel without giving a reason.
var errTunnelClosed = errors.New("closed by the server")

// keepTunnel keeps a connection to the server open through which it reaches this node's kubelet, and nothing else.
func (n *node) keepTunnel(ctx context.Context) error {
	backoff := wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 6, Cap: 5 * time.Second}
	for pause := backoff; ctx.Err() == nil; {
		opened := time.Now()
		err := n.tunnel(ctx)
		if ctx.Err() != nil {
			break
		}
		if time.Since(opened) > time.Minute {
			pause = backoff
		}
		delay := pause.Step()
		klog.ErrorS(err, "Tunnel ended", "retryAfter", delay)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

func (n *node) tunnel(ctx context.Context) error {
	config, err := n.restConfig()
	if err != nil {
		return err
	}
	tls, err := rest.TLSConfigFor(config) // anew each time: the certificate may have been renewed
	if err != nil {
		return fmt.Errorf("read the node's credential: %w", err)
	}
	dialer := &websocket.Dialer{TLSClientConfig: tls, HandshakeTimeout: requestTimeout}
	url := strings.Replace(n.options.Server, "https://", "wss://", 1) + wire.ConnectPath
	allowed := func(protocol, address string) bool { return protocol == "tcp" && address == wire.KubeletAddress }
	opened := func(context.Context, *remotedialer.Session) error {
		klog.InfoS("Tunnel opened", "server", n.options.Server)
		return nil
	}
	if err := remotedialer.ConnectToProxy(ctx, url, nil, allowed, dialer, opened); err != nil {
		return err
	}
	return errTunnelClosed
}
