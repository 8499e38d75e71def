package server

import (
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/klog/v2"

	"daasvader/k3s/netview"
	"daasvader/k3s/wire"
)

const (
	// maxKeyProof bounds a KeyProof, maxNetworkReport a NetworkReport: of a thousand peers.
	maxKeyProof      = 1 << 10
	maxNetworkReport = 96 << 10
	// maxEndpoints is how many endpoints a node states at most.
	maxEndpoints = 8
)

var errLineTooLong = fmt.Errorf("there is more to tell than the %d bytes of a line", wire.MaxNetworkLine)

// serveKey takes a node's WireGuard key when it has the private one and nobody else has it, or had it not long ago.
func (n *network) serveKey(w http.ResponseWriter, r *http.Request, node string) {
	var claimed wire.KeyProof
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxKeyProof)).Decode(&claimed); err != nil {
		http.Error(w, "Cannot read the proof: "+err.Error(), http.StatusBadRequest)
		return
	}
	proof, err := wire.ProveKey(n.private, claimed.Key, claimed.Key, node)
	if err != nil || !netview.IsCanonical(claimed.Key) || !hmac.Equal(proof, claimed.Proof) {
		http.Error(w, "Cannot take the key: its proof is not good for this node and the challenge of now", http.StatusForbidden)
		return
	}
	if err := n.views.Claim(node, claimed.Key); err != nil {
		http.Error(w, "Cannot take the key: "+err.Error(), http.StatusConflict)
		return
	}
	answerAnnotated(w, n.annotate(r.Context(), node, netview.KeyAnnotation, claimed.Key.String()))
}

// serveReport takes where a node says that it can be reached, and whom it reaches.
func (n *network) serveReport(w http.ResponseWriter, r *http.Request, node string) {
	var report wire.NetworkReport
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxNetworkReport)).Decode(&report)
	if err == nil {
		err = n.checkEndpoints(report)
	}
	if err != nil {
		http.Error(w, "Cannot take the report: "+err.Error(), http.StatusBadRequest)
		return
	}
	n.views.Report(node, report)
	if slices.Equal(report.Endpoints, n.views.Endpoints(node)) {
		err = nil
	} else {
		err = n.annotate(r.Context(), node, netview.EndpointsAnnotation, netview.FormatEndpoints(report.Endpoints))
	}
	answerAnnotated(w, err)
}

func (n *network) checkEndpoints(report wire.NetworkReport) error {
	if len(report.Endpoints) > maxEndpoints {
		return fmt.Errorf("it has more than %d endpoints", maxEndpoints)
	}
	for _, endpoint := range report.Endpoints {
		if !n.views.IsEndpoint(endpoint) {
			return fmt.Errorf("%s is no endpoint: an address of IPv4 that a machine can have, and a port", endpoint)
		}
	}
	return nil
}

// answerAnnotated tells a node whether what it said was noted; what it can't help, it is to try again.
func answerAnnotated(w http.ResponseWriter, err error) {
	var status apierrors.APIStatus
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case apierrors.IsNotFound(err):
		http.Error(w, "Cannot note it: the node is not registered yet", http.StatusServiceUnavailable)
	default:
		code := http.StatusInternalServerError
		if errors.As(err, &status) && status.Status().Code >= http.StatusInternalServerError {
			code = int(status.Status().Code)
		}
		klog.ErrorS(err, "Cannot note what a node says of itself")
		http.Error(w, "Cannot note it: try again", code)
	}
}
