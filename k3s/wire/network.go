package wire

import (
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

const (
	// NetworkPath streams a node, known by its client certificate, its network: NetworkUpdates as lines of JSON, for as
	// long as the connection lives. With the query's "version" of an earlier update, only what has changed since then.
	NetworkPath = "/v1-k3s/network"
	// NetworkKeyPath takes a KeyProof of a node by POST.
	NetworkKeyPath = "/v1-k3s/network/key"
	// NetworkReportPath takes a NetworkReport of a node by POST.
	NetworkReportPath = "/v1-k3s/network/report"
	// NetworkSilence is the longest time between two lines of the stream; where there is nothing to say, one has the
	// version alone. A node that hears nothing for three of them asks anew, and goes on with what it knows.
	NetworkSilence = 10 * time.Second
	// MaxNetworkLine bounds one line, MaxNetworkBytes what a node keeps of all of them.
	MaxNetworkLine  = 16 << 20
	MaxNetworkBytes = 64 << 20
)

// Changes are those of one kind of things, by their keys.
type Changes[T any] struct {
	Set    map[string]T `json:"set,omitempty"`
	Delete []string     `json:"delete,omitempty"`
}

// NetworkUpdate is what has changed for a node. All of one line takes effect at once.
type NetworkUpdate struct {
	// Version is opaque. The line takes the node from the version of the line before to this one.
	Version string `json:"version"`
	// Reset says that the line holds everything: what was known before and is not in it has gone.
	Reset bool `json:"reset,omitempty"`
	// Self is about the node itself; nil: as before.
	Self *Self `json:"self,omitempty"`
	// Peers are other nodes, by name.
	Peers Changes[Peer] `json:"peers,omitzero"`
	// Namespaces are by name.
	Namespaces Changes[Namespace] `json:"namespaces,omitzero"`
	// Pods are by address: this node's, and those elsewhere that they have to do with.
	Pods Changes[Pod] `json:"pods,omitzero"`
	// Services and their EndpointSlices are by "namespace/name", without what nobody here reads of them.
	Services       Changes[corev1.Service]            `json:"services,omitzero"`
	EndpointSlices Changes[discoveryv1.EndpointSlice] `json:"endpointSlices,omitzero"`
	// Policies are compiled from NetworkPolicies, by keys that say nothing.
	Policies Changes[Policy] `json:"policies,omitzero"`
}

// Self is what the control plane says of the node that it speaks to.
type Self struct {
	// Range is of this node's pods, a /24; OwnAddress in it, the first, is the node's own.
	Range netip.Prefix `json:"range"`
	// Key is the WireGuard key that counts as this node's; the zero key before it has proven one.
	Key WireGuardKey `json:"key"`
	// Challenge is the control plane's X25519 key, against which a KeyProof is made.
	Challenge WireGuardKey `json:"challenge"`
	// Relays are the peers, best first, through which others may reach this node.
	Relays []string `json:"relays,omitempty"`
}

// Peer is another node that this one may speak to.
type Peer struct {
	Key WireGuardKey `json:"key"`
	// Address is the node's own in the overlay. All of its packets come from there, or from Range.
	Address netip.Addr `json:"address"`
	// Range is of the node's pods; invalid where no pod here has to do with one there, and the peer only relays for this
	// node or this node for it.
	Range netip.Prefix `json:"range,omitzero"`
	// Endpoints are where the peer says that it can be reached.
	Endpoints []netip.AddrPort `json:"endpoints,omitempty"`
	// Relays are the peers of this node, best first, through which it may reach the peer.
	Relays []string `json:"relays,omitempty"`
	// IsClient says that this node relays what the peer sends to other clients, and what they send to it.
	IsClient bool `json:"isClient,omitempty"`
}

// Namespace is one whose pods, Services and policies the node knows.
type Namespace struct {
	// Owner is the address of the tenant whose namespace it is; empty for those of the cluster itself, which are open to
	// each other.
	Owner string `json:"owner,omitempty"`
}

// Pod is one that lives, by its address.
type Pod struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Node is the name of its node.
	Node string `json:"node"`
}

// Policy is what one NetworkPolicy means for pods of this node. Pods without any in a direction have the baseline: the
// pods of their namespace (of all open ones, where it has no owner) and, from them, the internet. DNS and the node itself
// are always allowed.
type Policy struct {
	// Pods are the addresses of this node's pods to which it applies.
	Pods []netip.Addr `json:"pods"`
	// IsIngress and IsEgress say for which directions it speaks: what none of a pod's policies for a direction allows is
	// refused there.
	IsIngress bool         `json:"isIngress,omitempty"`
	IsEgress  bool         `json:"isEgress,omitempty"`
	Ingress   []PolicyRule `json:"ingress,omitempty"`
	Egress    []PolicyRule `json:"egress,omitempty"`
}

// PolicyRule allows what matches one of its peers and one of its ports.
type PolicyRule struct {
	// Pods are the addresses of the pods that it allows, none beyond what their owners may open to each other.
	Pods []netip.Addr `json:"pods,omitempty"`
	// Nets are what it allows of the internet, exceptions already taken out; they say nothing about pods.
	Nets []netip.Prefix `json:"nets,omitempty"`
	// Ports are the receiver's; empty: all, of all protocols.
	Ports []PortRange `json:"ports,omitempty"`
}

// PortRange is of one protocol: TCP, UDP or SCTP.
type PortRange struct {
	Protocol corev1.Protocol `json:"protocol"`
	First    uint16          `json:"first"`
	Last     uint16          `json:"last"`
}

// WireGuardKey is an X25519 public key; base64 in JSON.
type WireGuardKey [32]byte

// KeyProof claims a WireGuard key for the node that sends it.
type KeyProof struct {
	Key WireGuardKey `json:"key"`
	// Proof shows that the node has the private key, see ProveKey.
	Proof []byte `json:"proof"`
}

// NetworkReport is what a node says about how it can be reached, and reaches others. It counts for the choice of relays.
type NetworkReport struct {
	// Endpoints are where the node's WireGuard listens, as far as it knows; 8 at most.
	Endpoints []netip.AddrPort `json:"endpoints"`
	// Reached are peers that answered at an endpoint which they stated, Failed those that were tried and did not.
	Reached []string `json:"reached,omitempty"`
	Failed  []string `json:"failed,omitempty"`
}
