// Package kubeconfig writes kubeconfig files that refer to certificates kept in files of their own, which
// client-go reads again when they change.
package kubeconfig

import (
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"daasvader/k3s/pki"
)

// Config is a kubeconfig with one cluster and one user.
type Config struct {
	// Server is the API server's URL.
	Server string
	// CAData is the certificate, in PEM, that the API server's certificate must chain to.
	CAData []byte
	// CertFile and KeyFile are the user's credential.
	CertFile, KeyFile string
}

// Write makes the kubeconfig file, readable by its owner only.
func Write(file string, config Config) error {
	content := api.Config{
		Clusters:       map[string]*api.Cluster{"default": {Server: config.Server, CertificateAuthorityData: config.CAData}},
		AuthInfos:      map[string]*api.AuthInfo{"default": {ClientCertificate: config.CertFile, ClientKey: config.KeyFile}},
		Contexts:       map[string]*api.Context{"default": {Cluster: "default", AuthInfo: "default"}},
		CurrentContext: "default",
	}
	yaml, err := clientcmd.Write(content)
	if err != nil {
		return err
	}
	return pki.WriteFile(file, yaml, 0o600)
}
