package agent

import (
	"context"
	"errors"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/cache"
	"github.com/coredns/coredns/plugin/forward"
	"github.com/coredns/coredns/plugin/pkg/proxy"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"golang.org/x/sync/errgroup"
)

// dnsServer is CoreDNS, put together here instead of in a Corefile.
type dnsServer struct {
	*dnsserver.Server
	upstream *forward.Forward
}

// newDNS has a question pass the cluster's names, then what is remembered of the internet's, then those who know them.
// Answers about the cluster are never remembered: they are not the same for everybody. Addresses have ports.
func newDNS(address string, names *clusterNames, upstream []string) (*dnsServer, error) {
	config := &dnsserver.Config{Zone: "."}
	config.AddPlugin(func(next plugin.Handler) plugin.Handler { names.next = next; return names })
	toInternet := forward.New()
	if len(upstream) > 0 {
		config.AddPlugin(func(next plugin.Handler) plugin.Handler {
			remembered := cache.New()
			remembered.Next = next
			return remembered
		})
		config.AddPlugin(func(next plugin.Handler) plugin.Handler { return publicNames{next} })
		for _, server := range upstream {
			toInternet.SetProxy(proxy.NewProxy("forward", server, transport.DNS))
		}
		config.AddPlugin(func(plugin.Handler) plugin.Handler { return toInternet })
	}
	server, err := dnsserver.NewServer(transport.DNS+"://"+address, []*dnsserver.Config{config})
	return &dnsServer{server, toInternet}, err
}

// run serves until the context ends.
func (s *dnsServer) run(ctx context.Context) error {
	defer s.upstream.OnShutdown() // never fails
	packets, err := s.ListenPacket()
	if err != nil {
		return err
	}
	defer packets.Close()
	listener, err := s.Listen()
	if err != nil {
		return err
	}
	defer listener.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.ServePacket(packets) })
	group.Go(func() error { return s.Serve(listener) })
	context.AfterFunc(ctx, func() { _ = s.Stop() }) // what does not end in time ends with the sockets
	return errors.Join(group.Wait(), context.Cause(ctx))
}
