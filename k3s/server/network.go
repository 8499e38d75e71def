package server

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"daasvader/k3s/netview"
	"daasvader/k3s/wire"
)

const (
	// streamsEach is how many streams of its network a node has: one, and the one that it has just replaced.
	streamsEach = 2
	// linePatience is how long a node may take to read a line.
	linePatience = 15 * time.Second
	// saySomething is after how long a line is sent although nothing has changed.
	saySomething = wire.NetworkSilence * 9 / 10
)

// network tells each node its network, and takes what nodes say of themselves in it.
type network struct {
	views    *netview.Views
	client   kubernetes.Interface
	private  *ecdh.PrivateKey // of the challenge
	streams  *turns
	services *turns // watches of Services by kubelets
}

func newNetwork(config *rest.Config, o *Options) (*network, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return networkOf(client, o.cluster, o.services)
}

func networkOf(client kubernetes.Interface, cluster, services netip.Prefix) (*network, error) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	challenge := wire.WireGuardKey(private.PublicKey().Bytes())
	return &network{
		views:    netview.New(netview.Options{Cluster: cluster, Services: services, Challenge: challenge}),
		client:   client,
		private:  private,
		streams:  newTurns(streamsEach),
		services: newTurns(streamsEach),
	}, nil
}

// run keeps the views until the context ends.
func (n *network) run(ctx context.Context) error { return n.views.Run(ctx, n.client) }

var networkPaths = map[string]bool{wire.NetworkPath: true, wire.NetworkKeyPath: true, wire.NetworkReportPath: true}

// isNetworkStream says whether a request goes on until somebody ends it.
func isNetworkStream(r *http.Request) bool { return r.URL.Path == wire.NetworkPath }

// serveNetwork answers a node, and nobody else, about its own network.
func (f *front) serveNetwork(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	n := f.network.Load()
	method := http.MethodPost
	if isNetworkStream(r) {
		method = http.MethodGet
	}
	switch {
	case caller.class != node:
		http.Error(w, "Cannot tell the network: only nodes have any", http.StatusForbidden)
	case n == nil || !n.views.IsKnown():
		http.Error(w, "Cannot tell the network: it is not known yet", http.StatusServiceUnavailable)
	case r.Method != method:
		http.Error(w, "Cannot "+r.Method+" the network", http.StatusMethodNotAllowed)
	case r.URL.Path == wire.NetworkKeyPath:
		n.serveKey(w, r, nodeName(caller))
	case r.URL.Path == wire.NetworkReportPath:
		n.serveReport(w, r, nodeName(caller))
	default:
		n.serveStream(w, r, nodeName(caller))
	}
}

// serveStream tells a node of each change until its certificate expires, it leaves, or it opens more streams than it has.
func (n *network) serveStream(w http.ResponseWriter, r *http.Request, node string) {
	ctx, end := whileCertified(r)
	defer end()
	ctx, leave := n.streams.enter(ctx, node)
	defer leave()
	defer giveUpOnDone(ctx, w)()
	follower := n.views.Follow(node)
	defer follower.Close()
	w.Header().Set("Content-Type", "application/json")
	told := follower.At(r.URL.Query().Get("version"))
	for {
		view, changed := follower.Current()
		if err := writeLine(w, view.Since(told)); err != nil {
			klog.V(2).InfoS("A node's network stream ends", "node", node, "err", err)
			return
		}
		told = view
		select {
		case <-changed:
		case <-time.After(saySomething):
		case <-ctx.Done():
			return
		}
	}
}

// writeLine sends one line of JSON, which must be read soon.
func writeLine(w http.ResponseWriter, line any) error {
	content, err := json.Marshal(line)
	if err != nil {
		return err
	}
	if len(content) >= wire.MaxNetworkLine {
		return errLineTooLong
	}
	control := http.NewResponseController(w)
	if err := control.SetWriteDeadline(time.Now().Add(linePatience)); err != nil {
		return err
	}
	if _, err := w.Write(append(content, '\n')); err != nil {
		return err
	}
	return control.Flush()
}

// annotate notes something on a node's object, which no node can.
func (n *network) annotate(ctx context.Context, node, key, value string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{key: value}}})
	if err != nil {
		return err
	}
	_, err = n.client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "k3s"})
	return err
}
