package server

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// maxReport bounds a node's report, maxReason what of it is shown to the owner of a volume.
	maxReport = 4 << 10
	maxReason = 256
)

// serveVolumes answers a node, and nobody else, about its own volumes.
func (f *front) serveVolumes(w http.ResponseWriter, r *http.Request) {
	caller := callerOf(r)
	volumes := f.volumes.Load()
	switch {
	case caller.class != node:
		http.Error(w, "Cannot tell volumes: only nodes have any", http.StatusForbidden)
	case volumes == nil || !volumes.isKnown():
		http.Error(w, "Cannot tell volumes: they are not known yet", http.StatusServiceUnavailable)
	case r.Method == http.MethodGet:
		volumes.serveList(w, r, nodeName(caller))
	case r.Method == http.MethodPost:
		volumes.serveReport(w, r, nodeName(caller))
	default:
		http.Error(w, "Cannot "+r.Method+" volumes", http.StatusMethodNotAllowed)
	}
}

func nodeName(caller identity) string { return strings.TrimPrefix(caller.name, nodeUserPrefix) }

// serveList answers when the list is another one than the node has, or after wire.VolumesWait.
func (v *volumes) serveList(w http.ResponseWriter, r *http.Request, node string) {
	ctx, end := whileCertified(r)
	defer end()
	over := time.After(wire.VolumesWait)
	for isOver := false; ; {
		changed := v.change(node) // before the look, so that nothing is missed
		list := v.list(node)
		if isOver || list.Version != r.URL.Query().Get("version") {
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(list); err != nil {
				klog.V(2).InfoS("A node left before it was answered", "err", err)
			}
			return
		}
		select {
		case <-changed:
		case <-over:
			isOver = true
		case <-ctx.Done():
			return
		}
	}
}

func (v *volumes) serveReport(w http.ResponseWriter, r *http.Request, node string) {
	var report wire.VolumeReport
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReport)).Decode(&report); err != nil {
		http.Error(w, "Cannot read the report: "+err.Error(), http.StatusBadRequest)
		return
	}
	if err := v.report(r.Context(), node, report); err != nil {
		code := http.StatusInternalServerError
		if status, isStatus := err.(errors.APIStatus); isStatus {
			code = int(status.Status().Code)
		}
		http.Error(w, "Cannot take the report: "+err.Error(), code)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// printable is what of a node's words others may be shown.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), maxReason)]
}

func quantityOf(bytes int64) resource.Quantity {
	return *resource.NewQuantity(bytes, resource.BinarySI)
}
