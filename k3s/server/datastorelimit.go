package server

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	minDatastoreLimit = 16 << 20
	// maxDatastoreLimit is the most that is taken without being told. A cluster of 256 nodes and 10,000 pods has some
	// 150 MiB of objects; every byte of an object is about three in the API server's memory.
	maxDatastoreLimit = 1 << 30
)

// datastoreLimit is how many bytes objects and their history may take: what was asked for, or a quarter of what the
// file system has to give. It leaves room for SQLite's journal and, where files lie in memory, for memory.
func datastoreLimit(o *Options) (int64, error) {
	available, err := availableBytes(o.path("db"))
	if err != nil {
		return 0, err
	}
	available += existingBytes(o.path("db"))
	if o.DatastoreLimit == 0 {
		return max(min(available/4, maxDatastoreLimit), minDatastoreLimit), nil
	}
	if o.DatastoreLimit > available/2 {
		return 0, fmt.Errorf("--datastore-limit %d is above half of the %d bytes that the file system has", o.DatastoreLimit, available)
	}
	return o.DatastoreLimit, nil
}

// availableBytes is what the file system of a directory has left.
func availableBytes(directory string) (int64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(directory, &stat); err != nil {
		return 0, fmt.Errorf("statfs %s: %w", directory, err)
	}
	return int64(stat.Bavail) * stat.Bsize, nil
}

// existingBytes is what an earlier run left: it counts as available, or the limit would shrink from start to start.
func existingBytes(directory string) (sum int64) {
	files, _ := filepath.Glob(filepath.Join(directory, "state.db*")) // the pattern is well formed
	for _, file := range files {
		if info, err := os.Stat(file); err == nil {
			sum += info.Size()
		}
	}
	return sum
}
