// Package wire is what a server and its agents say to each other beside Kubernetes's own protocol.
package wire

const (
	// ConnectPath takes a node's tunnel, a websocket opened with the node's client certificate.
	ConnectPath = "/v1-k3s/connect"
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
