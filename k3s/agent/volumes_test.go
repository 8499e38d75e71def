package agent

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"daasvader/k3s/wire"
)

const (
	first  = "pvc-00000000-0000-4000-8000-000000000001"
	second = "pvc-00000000-0000-4000-8000-000000000002"
	size   = 2 * wire.MinVolumeBytes
)

// disk is a node's disk, and what it reported.
type disk struct {
	*volumes
	t        *testing.T
	reported []wire.VolumeReport
}

// newDisk needs root: file systems are mounted for real.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
	d := &disk{volumes: &volumes{images: t.TempDir(), mounts: t.TempDir()}, t: t}
	t.Cleanup(d.powerOff)
	return d
}

// powerOff ends every mount, as the end of a machine does.
func (d *disk) powerOff() {
	mounts, _ := filepath.Glob(filepath.Join(d.mounts, "*"))
	for _, mount := range mounts {
		if isMounted(mount) {
			check(d.t, unix.Unmount(mount, 0))
		}
	}
}

func (d *disk) list(listed ...wire.Volume) {
	d.reported = nil
	d.follow(d.t.Context(), listed, func(_ context.Context, report wire.VolumeReport) error {
		d.reported = append(d.reported, report)
		return nil
	})
}

// has makes and keeps a volume with a file in it.
func (d *disk) has(name, content string) {
	d.t.Helper()
	d.list(wire.Volume{Name: name, Bytes: size, State: wire.MakeVolume})
	if want := []wire.VolumeReport{{Name: name, Outcome: wire.VolumeMade}}; !slices.Equal(d.reported, want) {
		d.t.Fatalf("reported %v, want %v", d.reported, want)
	}
	d.list(kept(name))
	check(d.t, os.WriteFile(d.file(name), []byte(content), 0o600))
}

func kept(name string) wire.Volume {
	return wire.Volume{Name: name, Bytes: size, State: wire.KeepVolume}
}

func deleted(name string) wire.Volume {
	return wire.Volume{Name: name, Bytes: size, State: wire.DeleteVolume}
}

func (d *disk) file(name string) string { return filepath.Join(d.mount(name), wire.VolumeData, "file") }

func (d *disk) expect(name, content string) {
	d.t.Helper()
	found, err := os.ReadFile(d.file(name))
	if err != nil || string(found) != content {
		d.t.Errorf("volume %s has %q, want %q: %v", name, found, content, err)
	}
}

func (d *disk) expectFiles(want ...string) {
	d.t.Helper()
	var names []string
	entries, err := os.ReadDir(d.images)
	check(d.t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if !slices.Equal(names, want) {
		d.t.Errorf("the disk has %v, want %v", names, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestVolumeEndsAtItsSize(t *testing.T) {
	d := newDisk(t)
	d.has(first, "")
	file, err := os.Create(d.file(first))
	check(t, err)
	defer file.Close()
	block, written := bytes.Repeat([]byte{1}, 1<<20), 0
	for err == nil && written <= size {
		var n int
		n, err = file.Write(block)
		written += n
	}
	if !errors.Is(err, unix.ENOSPC) || written > size || written < size*3/4 {
		t.Errorf("%d bytes fit into a volume of %d: %v", written, size, err)
	}
}

func TestAnybodyWritesToAVolumeAndNobodyBecomesRootThere(t *testing.T) {
	d := newDisk(t)
	d.has(first, "")
	data, err := os.Stat(filepath.Dir(d.file(first)))
	check(t, err)
	if data.Mode().Perm() != 0o777 {
		t.Errorf("the folder has mode %v", data.Mode())
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	check(t, err)
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, d.mount(first)) && !(strings.Contains(line, "nosuid") && strings.Contains(line, "nodev")) {
			t.Errorf("mounted as %s", line)
		}
	}
}

func TestVolumeIsThereAfterABootOfTheMachine(t *testing.T) {
	d := newDisk(t)
	d.has(first, "kept")
	d.powerOff()
	check(t, d.mountAll(t.Context()))
	d.expect(first, "kept")
}

func TestBrokenVolumeKeepsNoOtherBack(t *testing.T) {
	d := newDisk(t)
	d.has(second, "kept")
	d.powerOff()
	check(t, os.WriteFile(d.image(first), []byte("not a file system"), 0o600))
	check(t, d.mountAll(t.Context()))
	d.expect(second, "kept")
	d.list(kept(first), kept(second))
	if len(d.reported) != 1 || d.reported[0].Name != first || d.reported[0].Outcome != wire.VolumeFailed {
		t.Errorf("reported %v", d.reported)
	}
}

func TestNothingIsDeletedUnlessItIsSaidSo(t *testing.T) {
	d := newDisk(t)
	d.has(first, "kept")
	for _, listed := range [][]wire.Volume{{}, {deleted(second)}, {kept(second)}, {{Name: first, Bytes: size, State: "gone"}}, {{Name: first, Bytes: size, State: wire.MakeVolume}}} {
		d.list(listed...)
		d.expect(first, "kept")
	}
	d.expectFiles(first + ".img")
	if unlisted := d.unlisted([]wire.Volume{kept(second)}); !slices.Equal(unlisted, []string{first}) {
		t.Errorf("unlisted are %v", unlisted)
	}
}

func TestDeletedVolumeIsGoneAndItIsSaidAgain(t *testing.T) {
	d := newDisk(t)
	d.has(first, "secret")
	d.has(second, "kept")
	for range 2 {
		d.list(kept(second), deleted(first))
		if want := []wire.VolumeReport{{Name: first, Outcome: wire.VolumeDeleted}}; !slices.Equal(d.reported, want) {
			t.Errorf("reported %v, want %v", d.reported, want)
		}
	}
	d.expectFiles(second + ".img")
	d.expect(second, "kept")
	if exists(d.mount(first)) {
		t.Error("its mount point is left")
	}
}

func TestVolumeThatIsInUseIsDeletedAllTheSame(t *testing.T) {
	d := newDisk(t)
	d.has(first, "used")
	file, err := os.Open(d.file(first))
	check(t, err)
	defer file.Close()
	d.list(deleted(first))
	d.expectFiles()
}

func TestWhatNobodyCanHaveUsedGoesWhenNobodyWaitsForIt(t *testing.T) {
	d := newDisk(t)
	waited := wire.Volume{Name: first, Bytes: size, State: wire.MakeVolume}
	d.list(waited)
	d.list(waited)
	d.expectFiles(first + ".img.unused")
	d.list()
	d.expectFiles()
}

func TestHalfMadeVolumeIsMadeAnew(t *testing.T) {
	d := newDisk(t)
	check(t, os.WriteFile(d.unused(first), make([]byte, 100), 0o600))
	d.has(first, "whole")
	d.expect(first, "whole")
}

func TestVolumeThatIsLostIsNotReplacedByAnEmptyOne(t *testing.T) {
	d := newDisk(t)
	d.list(kept(first))
	if len(d.reported) != 1 || d.reported[0].Outcome != wire.VolumeFailed || !strings.Contains(d.reported[0].Reason, "disk was lost") {
		t.Errorf("reported %v", d.reported)
	}
	d.expectFiles()
}

func TestVolumeForWhichThereIsNoRoomIsNotMade(t *testing.T) {
	d := newDisk(t)
	d.list(wire.Volume{Name: first, Bytes: wire.MaxVolumeBytes, State: wire.MakeVolume})
	if len(d.reported) != 1 || d.reported[0].Outcome != wire.VolumeFailed || !strings.Contains(d.reported[0].Reason, "no room") {
		t.Errorf("reported %v", d.reported)
	}
	d.expectFiles()
}

func TestOddNamesSizesAndStatesTouchNothing(t *testing.T) {
	d := newDisk(t)
	d.has(first, "kept")
	outside := filepath.Join(filepath.Dir(d.images), "victim")
	check(t, os.MkdirAll(outside, 0o700))
	for _, name := range []string{"", ".", "..", "../victim", "/etc", first + "/..", first + "\n", "PVC" + first[3:], "pvc-1", "-x"} {
		for _, state := range []wire.VolumeState{wire.MakeVolume, wire.KeepVolume, wire.DeleteVolume} {
			d.list(kept(first), wire.Volume{Name: name, Bytes: size, State: state})
			if len(d.reported) != 1 || d.reported[0].Outcome != wire.VolumeFailed {
				t.Errorf("%s %q: reported %v", state, name, d.reported)
			}
		}
	}
	for _, bytes := range []int64{-1, 0, 1, wire.MinVolumeBytes + 1, wire.MaxVolumeBytes + wire.MinVolumeBytes, 1<<63 - 1} {
		d.list(kept(first), wire.Volume{Name: second, Bytes: bytes, State: wire.MakeVolume})
		if len(d.reported) != 1 || d.reported[0].Outcome != wire.VolumeFailed {
			t.Errorf("%d bytes: reported %v", bytes, d.reported)
		}
	}
	d.expectFiles(first + ".img")
	d.expect(first, "kept")
	if !exists(outside) {
		t.Error("what lies outside is gone")
	}
}
