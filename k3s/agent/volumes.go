package agent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"daasvader/k3s/wire"
)

const (
	// makeTimeout is how long making or mounting a file system may take; of any size it takes well below a second.
	makeTimeout = time.Minute
	// spareShare of the disk is left free when all volumes are full: the kubelet evicts pods from a tenth on.
	spareShare = 15. / 100

	imageSuffix = ".img"
	// unusedSuffix is that of an image that no pod can have used yet.
	unusedSuffix = ".unused"
)

// volumes are images of ext4 on the node's disk, each a sparse file of the volume's size and mounted through a loop
// device, so that nobody writes more into it than he asked for. Its states on the disk:
//
//	NAME.img.unused  made, but the cluster has not confirmed it: no pod can have used it
//	NAME.img         confirmed; deleted when the cluster says so in words, and for no other reason
type volumes struct {
	// images is the folder of the images, mounts that of their mount points.
	images, mounts string
}

func newVolumes(o *Options) (*volumes, error) {
	v := &volumes{images: o.path("volumes"), mounts: wire.VolumesDir}
	for _, dir := range []string{v.images, v.mounts} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *volumes) image(name string) string  { return filepath.Join(v.images, name+imageSuffix) }
func (v *volumes) unused(name string) string { return v.image(name) + unusedSuffix }
func (v *volumes) mount(name string) string  { return filepath.Join(v.mounts, name) }

// mountAll mounts what the disk holds, as after a boot of the machine. One that cannot be mounted keeps no other back.
func (v *volumes) mountAll(ctx context.Context) error {
	files, err := os.ReadDir(v.images)
	if err != nil {
		return err
	}
	for _, file := range files {
		name, isImage := strings.CutSuffix(file.Name(), imageSuffix)
		if !isImage || !wire.VolumeName.MatchString(name) {
			continue
		}
		if err := v.keep(ctx, name); err != nil {
			klog.ErrorS(err, "Cannot mount a volume", "volume", name)
		}
	}
	return nil
}

// make makes the volume unless it is there. An unused one is made anew: it may be half of one.
func (v *volumes) make(ctx context.Context, volume wire.Volume) error {
	if exists(v.image(volume.Name)) {
		return nil
	}
	if err := os.Remove(v.unused(volume.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := v.checkRoom(volume.Bytes); err != nil {
		return err
	}
	if err := makeImage(ctx, v.unused(volume.Name), volume.Bytes); err != nil {
		return errors.Join(err, os.Remove(v.unused(volume.Name)))
	}
	return syncPath(v.images)
}

// checkRoom says whether the disk can hold one more volume when all of them are full.
func (v *volumes) checkRoom(bytes int64) error {
	var disk unix.Statfs_t
	if err := unix.Statfs(v.images, &disk); err != nil {
		return fmt.Errorf("statfs %s: %w", v.images, err)
	}
	count, promised, err := v.promised()
	if err != nil {
		return err
	}
	if count >= wire.MaxVolumes {
		return fmt.Errorf("the node has %d volumes, as many as it takes", count)
	}
	spare := int64(spareShare * float64(disk.Blocks) * float64(disk.Bsize))
	if room := int64(disk.Bavail)*disk.Bsize - promised - spare; bytes > room {
		return fmt.Errorf("the node has no room for %d MiB: %d MiB are left for volumes", bytes>>20, max(room, 0)>>20)
	}
	return nil
}

// promised is how many images there are, and how many bytes they may still grow by.
func (v *volumes) promised() (count int, bytes int64, err error) {
	files, err := filepath.Glob(filepath.Join(v.images, "*"))
	if err != nil {
		return 0, 0, err
	}
	for _, file := range files {
		var stat unix.Stat_t
		if err := unix.Stat(file, &stat); err != nil {
			return 0, 0, fmt.Errorf("stat %s: %w", file, err)
		}
		bytes += max(0, stat.Size-stat.Blocks*512)
	}
	return len(files), bytes, nil
}

// keep mounts the volume unless it is mounted. It makes none: what was in one that is missing would seem to be lost by
// those who wrote it.
func (v *volumes) keep(ctx context.Context, name string) error {
	if isMounted(v.mount(name)) {
		return makeData(v.mount(name))
	}
	if exists(v.unused(name)) && !exists(v.image(name)) {
		if err := os.Rename(v.unused(name), v.image(name)); err != nil {
			return err
		}
		if err := syncPath(v.images); err != nil {
			return err
		}
	}
	if !exists(v.image(name)) {
		return errors.New("the node does not have this volume any more: its disk was lost")
	}
	if err := mountImage(ctx, v.image(name), v.mount(name)); err != nil {
		return err
	}
	return makeData(v.mount(name))
}

// delete deletes the volume, if it is there, with what is in it.
func (v *volumes) delete(name string) error {
	if isMounted(v.mount(name)) {
		// A pod that still ends has a mount of its own; the disk's space is free when that is gone.
		if err := unix.Unmount(v.mount(name), unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", v.mount(name), err)
		}
	}
	for _, path := range []string{v.mount(name), v.image(name), v.unused(name)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syncPath(v.images)
}

// dropUnused deletes the unused images that nobody waits for any more.
func (v *volumes) dropUnused(listed []wire.Volume) error {
	known := map[string]bool{}
	for _, volume := range listed {
		known[v.unused(volume.Name)] = true
	}
	files, err := filepath.Glob(filepath.Join(v.images, "*"+imageSuffix+unusedSuffix))
	if err != nil {
		return err
	}
	for _, file := range files {
		if !known[file] {
			err = errors.Join(err, os.Remove(file))
		}
	}
	return err
}

// unlisted are the volumes that a list lacks, such as those of a cluster that this node has left. They stay.
func (v *volumes) unlisted(listed []wire.Volume) (names []string) {
	files, _ := filepath.Glob(v.image("*")) // the pattern is well formed
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), imageSuffix)
		if !slices.ContainsFunc(listed, func(volume wire.Volume) bool { return volume.Name == name }) {
			names = append(names, name)
		}
	}
	return names
}

// makeImage makes a file with an empty file system that outlives a crash of the machine.
func makeImage(ctx context.Context, file string, bytes int64) error {
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	if err := os.Truncate(file, bytes); err != nil {
		return err
	}
	// No blocks are kept back for root. A sparse file reads as zeros, so there is nothing to discard or to fill.
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1", file); err != nil {
		return err
	}
	return syncPath(file)
}

func mountImage(ctx context.Context, file, mount string) error {
	if err := os.MkdirAll(mount, 0o700); err != nil {
		return err
	}
	const options = "loop,nosuid,nodev,discard,noinit_itable" // what is deleted in the volume is free on the disk
	return run(ctx, "mount", "-t", "ext4", "-o", options, file, mount)
}

// makeData makes the folder that pods see, unless it is there. Whoever a pod runs as may write to it.
func makeData(mount string) error {
	data := filepath.Join(mount, wire.VolumeData)
	if exists(data) {
		return nil
	}
	beginning := data + ".new"
	if err := os.MkdirAll(beginning, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(beginning, 0o777); err != nil {
		return err
	}
	return os.Rename(beginning, data)
}

// isMounted says whether a folder is another file system's than the one that it lies in.
func isMounted(directory string) bool {
	var inside, outside unix.Stat_t
	return unix.Stat(directory, &inside) == nil && unix.Stat(filepath.Dir(directory), &outside) == nil && inside.Dev != outside.Dev
}

func run(ctx context.Context, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, makeTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(string(output)))
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// syncPath waits until a file, or the entries of a folder, are on the disk.
func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}
