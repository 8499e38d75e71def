package wire

import (
	"regexp"
	"time"
)

const (
	// VolumesPath answers a node, known by its client certificate, with its Volumes: at once when their version is not
	// the query's "version", otherwise when they change or after VolumesWait. A node posts a VolumeReport there.
	VolumesPath = "/v1-k3s/volumes"
	VolumesWait = 25 * time.Second
	// VolumesDir is where nodes mount volumes, each under its name. It is the same on each node, as volumes name their
	// path before anybody has made them.
	VolumesDir = "/run/k3s/volumes"
	// VolumeData is the folder within a volume that pods see: it is there only while the volume is mounted, so that
	// nobody writes to what lies below instead.
	VolumeData = "data"
	// MaxVolumes is how many volumes a node has at most.
	MaxVolumes = 1000
	// MinVolumeBytes is the size of the smallest volume, and what each size is a multiple of.
	MinVolumeBytes = 16 << 20
	// MaxVolumeBytes is the size of the largest volume.
	MaxVolumeBytes = 8 << 40
)

// VolumeName is what the names of volumes look like.
var VolumeName = regexp.MustCompile(`^pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// VolumeState is what a node is to do about a volume. A volume that is not listed is left alone.
type VolumeState string

const (
	// MakeVolume: somebody waits for it, and nothing is stored in it yet. The node makes it and reports VolumeMade or
	// VolumeFailed.
	MakeVolume VolumeState = "make"
	// KeepVolume: it exists. The node mounts it, and reports VolumeFailed when it cannot.
	KeepVolume VolumeState = "keep"
	// DeleteVolume: its claim was deleted. The node deletes it and reports VolumeDeleted.
	DeleteVolume VolumeState = "delete"
)

// Volume is one of a node's volumes.
type Volume struct {
	Name  string      `json:"name"`
	Bytes int64       `json:"bytes"`
	State VolumeState `json:"state"`
}

// Volumes are all volumes of a node.
type Volumes struct {
	Version string   `json:"version"`
	Volumes []Volume `json:"volumes"`
}

// VolumeOutcome is what has become of a volume.
type VolumeOutcome string

const (
	VolumeMade    VolumeOutcome = "made"
	VolumeFailed  VolumeOutcome = "failed"
	VolumeDeleted VolumeOutcome = "deleted"
)

// VolumeReport is what a node says of one of its volumes.
type VolumeReport struct {
	Name    string        `json:"name"`
	Outcome VolumeOutcome `json:"outcome"`
	// Reason says why it failed.
	Reason string `json:"reason,omitempty"`
}
