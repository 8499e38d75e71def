package server

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/client-go/kubernetes/fake"
	storagehelpers "k8s.io/component-helpers/storage/volume"

	"daasvader/k3s/wire"
)

const claimUID = "00000000-0000-4000-8000-000000000001"

func claimOn(node, uid string) *corev1.PersistentVolumeClaim {
	class := storageClass
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: "data-" + uid, UID: types.UID(uid),
			Annotations: map[string]string{storagehelpers.AnnSelectedNode: node},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: &class,
			AccessModes:      []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:        corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("20Mi")}},
		},
	}
}

func volumeOn(node, uid string, phase corev1.PersistentVolumePhase) *corev1.PersistentVolume {
	volume := newVolume(claimOn(node, uid), node)
	volume.UID, volume.Status.Phase = types.UID("of-"+uid), phase
	return volume
}

// withVolumes is a server that knows these objects.
func withVolumes(t *testing.T, objects ...runtime.Object) *volumes {
	t.Helper()
	v, err := volumesOf(fake.NewClientset(objects...))
	if err != nil {
		t.Fatal(err)
	}
	go v.run(t.Context())
	for !v.isKnown() {
		time.Sleep(time.Millisecond)
	}
	return v
}

func TestNodeIsToldWhatToDoWithItsOwnVolumesOnly(t *testing.T) {
	made := claimOn("w1", "made") // its volume is there, though it is not bound yet
	block := claimOn("w1", "block")
	mode := corev1.PersistentVolumeBlock
	block.Spec.VolumeMode = &mode
	other := claimOn("w1", "other")
	class := "other"
	other.Spec.StorageClassName = &class
	vast := claimOn("w1", "vast")
	vast.Spec.Resources.Requests[corev1.ResourceStorage] = resource.MustParse("1Ei")
	retained := volumeOn("w1", "retained", corev1.VolumeReleased)
	retained.Spec.PersistentVolumeReclaimPolicy = corev1.PersistentVolumeReclaimRetain
	foreign := volumeOn("w1", "foreign", corev1.VolumeReleased)
	foreign.Annotations = nil
	v := withVolumes(t, claimOn("w1", "new"), made, block, other, vast, claimOn("w2", "theirs"), claimOn("", "unplaced"),
		volumeOn("w1", "made", corev1.VolumeAvailable), volumeOn("w1", "bound", corev1.VolumeBound), volumeOn("w1", "failed", corev1.VolumeFailed),
		volumeOn("w1", "gone", corev1.VolumeReleased), retained, foreign, volumeOn("w2", "theirs2", corev1.VolumeReleased))
	want := map[string]wire.VolumeState{
		"pvc-new": wire.MakeVolume, "pvc-made": wire.KeepVolume, "pvc-bound": wire.KeepVolume, "pvc-failed": wire.KeepVolume,
		"pvc-gone": wire.DeleteVolume, "pvc-retained": wire.KeepVolume,
	}
	list := v.list("w1").Volumes
	for _, volume := range list {
		if want[volume.Name] != volume.State {
			t.Errorf("%s: %q, want %q", volume.Name, volume.State, want[volume.Name])
		}
		if volume.Bytes != 32<<20 {
			t.Errorf("%s has %d bytes", volume.Name, volume.Bytes)
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d volumes, want %d", len(list), len(want))
	}
}

func TestVolumeIsOfTheNodeThatMadeItAndOfTheClaimThatWaited(t *testing.T) {
	v := withVolumes(t, claimOn("w1", claimUID))
	made := wire.VolumeReport{Name: "pvc-" + claimUID, Outcome: wire.VolumeMade}
	if err := v.report(t.Context(), "w2", made); !errors.IsNotFound(err) {
		t.Errorf("another node made it: %v", err)
	}
	for range 2 {
		if err := v.report(t.Context(), "w1", made); err != nil {
			t.Fatal(err)
		}
	}
	volume, err := v.client.CoreV1().PersistentVolumes().Get(t.Context(), made.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if nodeOfVolume(volume) != "w1" || volume.Spec.ClaimRef.UID != claimUID || volume.Spec.Local.Path != "/run/k3s/volumes/"+made.Name+"/data" {
		t.Errorf("%+v", volume.Spec)
	}
}

func TestWhatANodeCannotMakeIsPlacedAnewAndItsOwnerIsTold(t *testing.T) {
	v := withVolumes(t, claimOn("w1", claimUID))
	failed := wire.VolumeReport{Name: "pvc-" + claimUID, Outcome: wire.VolumeFailed, Reason: "no room\x1b[2J\u202e" + strings.Repeat("x", 9_999)}
	if err := v.report(t.Context(), "w1", failed); err != nil {
		t.Fatal(err)
	}
	claim, err := v.client.CoreV1().PersistentVolumeClaims("ns").Get(t.Context(), "data-"+claimUID, metav1.GetOptions{})
	if err != nil || claim.Annotations[storagehelpers.AnnSelectedNode] != "" {
		t.Errorf("it is still to go to %q: %v", claim.Annotations[storagehelpers.AnnSelectedNode], err)
	}
	for {
		events, err := v.client.CoreV1().Events("ns").List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(events.Items) == 0 {
			time.Sleep(time.Millisecond)
			continue
		}
		message := events.Items[0].Message
		if !strings.HasPrefix(message, "no volume on node w1: no room[2Jxxx") || len(message) > 300 {
			t.Errorf("told %q", message)
		}
		return
	}
}

func TestVolumeIsForgottenWhenItsNodeHasDeletedItAndNotBefore(t *testing.T) {
	for name, test := range map[string]struct {
		node  string
		phase corev1.PersistentVolumePhase
		gone  bool
	}{
		"its claim is there":        {"w1", corev1.VolumeBound, false},
		"another node's word":       {"w2", corev1.VolumeReleased, false},
		"its claim and its data go": {"w1", corev1.VolumeReleased, true},
	} {
		v := withVolumes(t, volumeOn("w1", claimUID, test.phase))
		err := v.report(t.Context(), test.node, wire.VolumeReport{Name: "pvc-" + claimUID, Outcome: wire.VolumeDeleted})
		if (err == nil) != test.gone {
			t.Errorf("%s: %v", name, err)
		}
		_, err = v.client.CoreV1().PersistentVolumes().Get(t.Context(), "pvc-"+claimUID, metav1.GetOptions{})
		if errors.IsNotFound(err) != test.gone {
			t.Errorf("%s: the object: %v", name, err)
		}
	}
}

func TestDeletedVolumesOfNodesThatLeftAreForgotten(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "w1"}}
	v := withVolumes(t, node, volumeOn("w1", "away", corev1.VolumeReleased), volumeOn("w2", "left", corev1.VolumeReleased),
		volumeOn("w2", "wanted", corev1.VolumeBound))
	v.forgetGone(t.Context())
	list, err := v.client.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, volume := range list.Items {
		names[volume.Name] = true
	}
	if len(names) != 2 || !names["pvc-away"] || !names["pvc-wanted"] {
		t.Errorf("left are %v", names)
	}
}

func ask(v *volumes, as identity, known bool, method, query, body string) *httptest.ResponseRecorder {
	f := &front{}
	if known {
		f.volumes.Store(v)
	}
	r := httptest.NewRequest(method, wire.VolumesPath+query, strings.NewReader(body))
	w := httptest.NewRecorder()
	a := answer{ok: as.class != outsider, response: &authenticator.Response{User: &user.DefaultInfo{Name: as.name}}}
	f.serveVolumes(w, r.WithContext(context.WithValue(r.Context(), answerKey{}, a)))
	return w
}

func TestOnlyNodesAskAndEachGetsItsOwn(t *testing.T) {
	v := withVolumes(t, claimOn("w1", "one"))
	for name, test := range map[string]struct {
		who  identity
		code int
	}{
		"nobody":   {identity{class: outsider}, http.StatusForbidden},
		"a user":   {identity{member, "sui:0x1"}, http.StatusForbidden},
		"a joiner": {identity{joiner, "system:bootstrap:abcdef"}, http.StatusForbidden},
		"a node":   {identity{node, nodeUserPrefix + "w1"}, http.StatusOK},
	} {
		if w := ask(v, test.who, true, http.MethodGet, "", ""); w.Code != test.code {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	w2 := identity{node, nodeUserPrefix + "w2"}
	var list wire.Volumes
	if err := json.Unmarshal(ask(v, w2, true, http.MethodGet, "", "").Body.Bytes(), &list); err != nil || len(list.Volumes) != 0 {
		t.Errorf("another node is told %v: %v", list, err)
	}
	if w := ask(v, w2, false, http.MethodGet, "", ""); w.Code != http.StatusServiceUnavailable {
		t.Errorf("before anything is known: %d", w.Code)
	}
	if w := ask(v, w2, true, http.MethodDelete, "", ""); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", w.Code)
	}
	for _, body := range []string{"", "[]", `{"name":1}`, `{"name":"pvc-one","outcome":"made"}`, strings.Repeat("[", 9_999)} {
		if w := ask(v, w2, true, http.MethodPost, "", body); w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound {
			t.Errorf("%.40q: %d", body, w.Code)
		}
	}
}

func TestNodeThatKnowsTheListWaitsForTheNext(t *testing.T) {
	v := withVolumes(t)
	version := v.list("w1").Version
	w1 := identity{node, nodeUserPrefix + "w1"}
	answered := make(chan *httptest.ResponseRecorder)
	go func() { answered <- ask(v, w1, true, http.MethodGet, "?version="+version, "") }()
	select {
	case w := <-answered:
		t.Errorf("it is told at once: %s", w.Body)
	case <-time.After(50 * time.Millisecond):
	}
	claim := claimOn("w1", "late")
	if _, err := v.client.CoreV1().PersistentVolumeClaims("ns").Create(t.Context(), claim, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if body := (<-answered).Body.String(); !strings.Contains(body, "pvc-late") {
		t.Errorf("it is told %s", body)
	}
}
