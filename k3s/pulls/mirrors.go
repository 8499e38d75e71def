package pulls

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

const (
	// maxMirrorFiles and maxMirrorBytes bound what is read of the provider's folder.
	maxMirrorFiles = 1000
	maxMirrorBytes = 64 << 10
)

// isMirror says whether the provider named a server, as host:port, in one of the hosts.toml in folders of a folder. They are
// read when there is a doubt: containerd, too, follows what is written there while it runs.
func isMirror(folder, server string) (bool, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*", "hosts.toml"))
	if err != nil || len(files) > maxMirrorFiles {
		return false, fmt.Errorf("Cannot read mirrors: %d files in %s: %w", len(files), folder, err)
	}
	for _, file := range files {
		named, err := readMirrors(file)
		if err != nil {
			return false, err
		}
		for _, text := range named {
			if target, err := url.Parse(text); err == nil && serverOf(target) == server {
				return true, nil
			}
		}
	}
	return false, nil
}

// readMirrors returns the URLs of a file: the registry's own server, where it says so, and the mirrors.
func readMirrors(file string) (urls []string, err error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("Cannot read mirrors: %w", err)
	}
	defer opened.Close()
	text, err := io.ReadAll(io.LimitReader(opened, maxMirrorBytes))
	if err != nil {
		return nil, fmt.Errorf("Cannot read mirrors: %w", err)
	}
	var content struct {
		Server string         `toml:"server"`
		Host   map[string]any `toml:"host"`
	}
	if err := toml.Unmarshal(text, &content); err != nil {
		return nil, fmt.Errorf("Cannot read mirrors: %s: %w", file, err)
	}
	urls = append(urls, content.Server)
	for host := range content.Host {
		urls = append(urls, host)
	}
	return urls, nil
}
