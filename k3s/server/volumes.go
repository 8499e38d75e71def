package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/retry"
	storagehelpers "k8s.io/component-helpers/storage/volume"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// storageClass is the name of the class in objects.yaml, volumeProvisioner who makes its volumes.
	storageClass      = "local-path"
	volumeProvisioner = "daasvader.io/local-path"
	// volumeFinalizer keeps the object of a volume until its node has deleted the volume.
	volumeFinalizer = "daasvader.io/volume"
	// byNode is the index of claims and volumes by the node that they are on, or are to be on.
	byNode = "node"
	// forgetEvery is how often it is asked whether a volume that is to be deleted is on a node that is gone.
	forgetEvery = time.Minute
)

// volumes are the volumes of the class local-path, each on the disk of the node that the claim's first pod was placed
// on. What a node has is computed from claims and volumes whenever it asks, and written when it reports: nothing else
// is kept, so nothing is lost or repeated by a restart.
type volumes struct {
	client   kubernetes.Interface
	events   record.EventBroadcaster
	recorder record.EventRecorder
	claims   cache.SharedIndexInformer
	volumes  cache.SharedIndexInformer

	mu      sync.Mutex
	changed map[string]chan struct{} // by node; closed when its list may have changed
}

func newVolumes(config *rest.Config) (*volumes, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return volumesOf(client)
}

func volumesOf(client kubernetes.Interface) (*volumes, error) {
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(withoutManagedFields))
	events := record.NewBroadcaster()
	v := &volumes{
		client:   client,
		events:   events,
		recorder: events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: volumeProvisioner}),
		claims:   factory.Core().V1().PersistentVolumeClaims().Informer(),
		volumes:  factory.Core().V1().PersistentVolumes().Informer(),
		changed:  map[string]chan struct{}{},
	}
	for _, informer := range []cache.SharedIndexInformer{v.claims, v.volumes} {
		if err := informer.AddIndexers(cache.Indexers{byNode: nodesOfVolume}); err != nil {
			return nil, err
		}
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    v.wake,
			UpdateFunc: func(old, now any) { v.wake(old); v.wake(now) },
			DeleteFunc: v.wake,
		})
		if err != nil {
			return nil, err
		}
	}
	return v, nil
}

func withoutManagedFields(object any) (any, error) {
	if meta, ok := object.(metav1.Object); ok {
		meta.SetManagedFields(nil)
	}
	return object, nil
}

// run follows claims and volumes until the context ends.
func (v *volumes) run(ctx context.Context) error {
	defer v.events.Shutdown()
	v.events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: v.client.CoreV1().Events("")})
	go v.claims.RunWithContext(ctx)
	go v.volumes.RunWithContext(ctx)
	wait.UntilWithContext(ctx, v.forgetGone, forgetEvery)
	return context.Cause(ctx)
}

func (v *volumes) isKnown() bool { return v.claims.HasSynced() && v.volumes.HasSynced() }

// nodesOfVolume is the node that a claim waits for, or that a volume of ours is on.
func nodesOfVolume(object any) ([]string, error) {
	node := ""
	switch object := object.(type) {
	case *corev1.PersistentVolumeClaim:
		if isWaiting(object) {
			node = object.Annotations[storagehelpers.AnnSelectedNode]
		}
	case *corev1.PersistentVolume:
		node = nodeOfVolume(object)
	}
	if node == "" {
		return nil, nil
	}
	return []string{node}, nil
}

// isWaiting says whether a claim has no volume and may get one here.
func isWaiting(claim *corev1.PersistentVolumeClaim) bool {
	mode := claim.Spec.VolumeMode
	return claim.Spec.StorageClassName != nil && *claim.Spec.StorageClassName == storageClass &&
		claim.Spec.VolumeName == "" && claim.DeletionTimestamp == nil && (mode == nil || *mode == corev1.PersistentVolumeFilesystem)
}

// nodeOfVolume is "" for a volume that is none of ours.
func nodeOfVolume(volume *corev1.PersistentVolume) string {
	affinity := volume.Spec.NodeAffinity
	if volume.Annotations[storagehelpers.AnnDynamicallyProvisioned] != volumeProvisioner || affinity == nil || affinity.Required == nil {
		return ""
	}
	for _, term := range affinity.Required.NodeSelectorTerms {
		for _, wanted := range term.MatchExpressions {
			if wanted.Key == corev1.LabelHostname && len(wanted.Values) == 1 {
				return wanted.Values[0]
			}
		}
	}
	return ""
}

// isDeleted says whether a volume's claim was deleted: it is not that the claim is not found, but that Kubernetes, which
// looked for it in the datastore, has said so.
func isDeleted(volume *corev1.PersistentVolume) bool {
	return volume.Status.Phase == corev1.VolumeReleased && volume.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete
}

func volumeName(claim *corev1.PersistentVolumeClaim) string { return "pvc-" + string(claim.UID) }

// bytesOf rounds a size up to one that volumes have; 0 when there is none so large.
func bytesOf(spec corev1.ResourceList) int64 {
	storage := spec[corev1.ResourceStorage]
	bytes := max(storage.Value(), 1)
	if bytes > wire.MaxVolumeBytes {
		return 0
	}
	return (bytes + wire.MinVolumeBytes - 1) / wire.MinVolumeBytes * wire.MinVolumeBytes
}

// wake has those who wait for a change of a node's list look again.
func (v *volumes) wake(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	nodes, _ := nodesOfVolume(object)
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, node := range nodes {
		if waiting := v.changed[node]; waiting != nil {
			close(waiting)
			delete(v.changed, node)
		}
	}
}

// change is closed when the list of a node may have changed.
func (v *volumes) change(node string) <-chan struct{} {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed[node] == nil {
		v.changed[node] = make(chan struct{})
	}
	return v.changed[node]
}

// list is what a node is to have: what it keeps and deletes before what it makes, by name.
func (v *volumes) list(node string) wire.Volumes {
	list := []wire.Volume{}
	add := func(name string, resources corev1.ResourceList, state wire.VolumeState) {
		if bytes := bytesOf(resources); bytes > 0 && len(list) < wire.MaxVolumes {
			list = append(list, wire.Volume{Name: name, Bytes: bytes, State: state})
		}
	}
	for _, volume := range indexed[*corev1.PersistentVolume](v.volumes, node) {
		state := wire.KeepVolume
		if isDeleted(volume) {
			state = wire.DeleteVolume
		}
		add(volume.Name, volume.Spec.Capacity, state)
	}
	for _, claim := range indexed[*corev1.PersistentVolumeClaim](v.claims, node) {
		if _, isMade, _ := v.volumes.GetStore().GetByKey(volumeName(claim)); !isMade {
			add(volumeName(claim), claim.Spec.Resources.Requests, wire.MakeVolume)
		}
	}
	content, _ := json.Marshal(list) // strings and numbers always are JSON
	return wire.Volumes{Version: fmt.Sprintf("%x", sha256.Sum256(content)), Volumes: list}
}

// indexed are the objects of a node by name; both kinds have names that tell their age nobody.
func indexed[T metav1.Object](informer cache.SharedIndexInformer, node string) []T {
	objects, _ := informer.GetIndexer().ByIndex(byNode, node) // the index exists
	found := make([]T, 0, len(objects))
	for _, object := range objects {
		found = append(found, object.(T))
	}
	slices.SortFunc(found, func(a, b T) int {
		return strings.Compare(a.GetNamespace()+"/"+a.GetName(), b.GetNamespace()+"/"+b.GetName())
	})
	return found
}

// report does what follows from what a node says of one of its volumes.
func (v *volumes) report(ctx context.Context, node string, report wire.VolumeReport) error {
	if volume := find(indexed[*corev1.PersistentVolume](v.volumes, node), report.Name, func(o *corev1.PersistentVolume) string { return o.Name }); volume != nil {
		return v.reportVolume(ctx, node, volume, report)
	}
	if claim := find(indexed[*corev1.PersistentVolumeClaim](v.claims, node), report.Name, volumeName); claim != nil {
		return v.reportClaim(ctx, node, claim, report)
	}
	return errors.NewNotFound(corev1.Resource("persistentvolumes"), report.Name)
}

func find[T any](objects []*T, name string, nameOf func(*T) string) *T {
	for _, object := range objects {
		if nameOf(object) == name {
			return object
		}
	}
	return nil
}

func (v *volumes) reportVolume(ctx context.Context, node string, volume *corev1.PersistentVolume, report wire.VolumeReport) error {
	switch {
	case report.Outcome == wire.VolumeMade: // said again, as the answer to it was lost
		return nil
	case report.Outcome == wire.VolumeFailed:
		v.recorder.Eventf(claimOf(volume), corev1.EventTypeWarning, "VolumeUnavailable", "volume on node %s: %s", node, printable(report.Reason))
		return nil
	case report.Outcome == wire.VolumeDeleted && isDeleted(volume):
		klog.InfoS("Volume is deleted", "volume", volume.Name, "node", node)
		return v.forget(ctx, volume)
	default:
		return errors.NewConflict(corev1.Resource("persistentvolumes"), volume.Name, fmt.Errorf("nobody has asked to delete it"))
	}
}

func claimOf(volume *corev1.PersistentVolume) *corev1.ObjectReference {
	if volume.Spec.ClaimRef != nil {
		return volume.Spec.ClaimRef
	}
	return &corev1.ObjectReference{Kind: "PersistentVolume", APIVersion: "v1", Name: volume.Name, UID: volume.UID}
}

// forget removes the object of a volume that is not there any more.
func (v *volumes) forget(ctx context.Context, volume *corev1.PersistentVolume) error {
	own := &metav1.Preconditions{UID: &volume.UID}
	err := v.client.CoreV1().PersistentVolumes().Delete(ctx, volume.Name, metav1.DeleteOptions{Preconditions: own})
	if err != nil {
		return ignoreGone(err)
	}
	return ignoreGone(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := v.client.CoreV1().PersistentVolumes().Get(ctx, volume.Name, metav1.GetOptions{})
		if err != nil || current.UID != volume.UID {
			return err
		}
		current.Finalizers = slices.DeleteFunc(current.Finalizers, func(name string) bool { return name == volumeFinalizer })
		_, err = v.client.CoreV1().PersistentVolumes().Update(ctx, current, metav1.UpdateOptions{})
		return err
	}))
}

func ignoreGone(err error) error {
	if errors.IsNotFound(err) {
		return nil
	}
	return err
}

func (v *volumes) reportClaim(ctx context.Context, node string, claim *corev1.PersistentVolumeClaim, report wire.VolumeReport) error {
	switch report.Outcome {
	case wire.VolumeMade:
		_, err := v.client.CoreV1().PersistentVolumes().Create(ctx, newVolume(claim, node), metav1.CreateOptions{})
		if errors.IsAlreadyExists(err) {
			return nil
		}
		return err
	case wire.VolumeFailed:
		v.recorder.Eventf(claim, corev1.EventTypeWarning, "ProvisioningFailed", "no volume on node %s: %s", node, printable(report.Reason))
		return v.placeAnew(ctx, claim)
	default:
		return errors.NewConflict(corev1.Resource("persistentvolumeclaims"), claim.Name, fmt.Errorf("nobody has asked to delete its volume"))
	}
}

// placeAnew has the scheduler choose again where the claim's pod goes.
func (v *volumes) placeAnew(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	changed := claim.DeepCopy() // an older version than the one that is stored changes nothing
	delete(changed.Annotations, storagehelpers.AnnSelectedNode)
	_, err := v.client.CoreV1().PersistentVolumeClaims(claim.Namespace).Update(ctx, changed, metav1.UpdateOptions{})
	return ignoreGone(err)
}

// newVolume is the object of the volume that a node has made for a claim. All pods of the claim follow it to that node,
// so whatever access the claim asks for, they have it.
func newVolume(claim *corev1.PersistentVolumeClaim, node string) *corev1.PersistentVolume {
	name, mode := volumeName(claim), corev1.PersistentVolumeFilesystem
	isNode := corev1.NodeSelectorRequirement{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name:        name,
			Annotations: map[string]string{storagehelpers.AnnDynamicallyProvisioned: volumeProvisioner},
			Finalizers:  []string{volumeFinalizer},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:    corev1.ResourceList{corev1.ResourceStorage: quantityOf(bytesOf(claim.Spec.Resources.Requests))},
			AccessModes: claim.Spec.AccessModes,
			ClaimRef: &corev1.ObjectReference{
				Kind: "PersistentVolumeClaim", APIVersion: "v1", Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: wire.VolumesDir + "/" + name + "/" + wire.VolumeData},
			},
			StorageClassName: storageClass,
			VolumeMode:       &mode,
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{isNode}}},
			}},
		},
	}
}

// forgetGone removes the objects of deleted volumes on nodes that have left: nobody will report on them.
func (v *volumes) forgetGone(ctx context.Context) {
	if !v.isKnown() {
		return
	}
	for _, object := range v.volumes.GetStore().List() {
		volume := object.(*corev1.PersistentVolume)
		node := nodeOfVolume(volume)
		if node == "" || !isDeleted(volume) {
			continue
		}
		if _, err := v.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{}); !errors.IsNotFound(err) {
			continue
		}
		if err := v.forget(ctx, volume); err != nil {
			klog.ErrorS(err, "Cannot forget the volume of a node that left", "volume", volume.Name, "node", node)
		}
	}
}
