// Package wire is what a server and its agents say to each other beside Kubernetes's own protocol.
package wire

import "time"

const (
	// ConnectPath takes a node's tunnel: a connection opened with the node's client certificate and upgraded to
	// TunnelProtocol, in which the server opens yamux streams. The first line of each says where the node is to lead it:
	// KubeletTarget or ADDRESS:PORT of a pod that lives on the node. One that leads nowhere is closed.
	ConnectPath    = "/v1-k3s/connect"
	TunnelProtocol = "daasvader-tunnel-2"
	// KubeletTarget leads to the node's kubelet.
	KubeletTarget = "kubelet"
	// MaxTarget is the length of the longest target, in bytes.
	MaxTarget = len("255.255.255.255:65535")
	// StreamWindow is how many bytes either side may send in a stream before the other has read them.
	StreamWindow = 256 << 10 // the least that yamux knows
	// PingInterval is how often the server asks whether the node is still there.
	PingInterval = 15 * time.Second
	// ConfigPath answers anybody with the ClusterConfig, as JSON.
	ConfigPath = "/v1-k3s/config"
	// KubeletAddress is where a kubelet listens, as seen from its own node.
	KubeletAddress = "127.0.0.1:10250"
)

// ClusterConfig is what a node must know before it has a credential. None of it is secret.
type ClusterConfig struct {
	// ClientCA is the certificate, in PEM, of the authority that signs the cluster's clients.
	ClientCA string `json:"clientCA"`
	// ClusterDNS is the address on which each node answers its pods' DNS queries.
	ClusterDNS string `json:"clusterDNS"`
}
