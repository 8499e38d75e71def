// Package wire is what a server and its agents say to each other beside Kubernetes's own protocol.
package wire

import "time"

const (
	// ConnectPath takes a node's tunnel: a connection opened with the node's client certificate and upgraded to
	// TunnelProtocol, in which the server opens yamux streams and the node leads each of them to its kubelet.
	ConnectPath    = "/v1-k3s/connect"
	TunnelProtocol = "daasvader-tunnel"
	// StreamWindow is how many bytes either side may send in a stream before the other has read them.
	StreamWindow = 256 << 10 // the least that yamux knows
	// PingInterval is how often the server asks whether the node is still there.
	PingInterval = 15 * time.Second
	// ConfigPath answers anybody with the ClusterConfig, as JSON.
	ConfigPath = "/v1-k3s/config"
	// KubeletAddress is where a kubelet listens, as seen from its own node: the only address a tunnel leads to.
	KubeletAddress = "127.0.0.1:10250"
)

// ClusterConfig is what a node must know before it has a credential. None of it is secret.
type ClusterConfig struct {
	// ClientCA is the certificate, in PEM, of the authority that signs the cluster's clients.
	ClientCA string `json:"clientCA"`
	// ClusterDNS is the address on which each node answers its pods' DNS queries.
	ClusterDNS string `json:"clusterDNS"`
}
