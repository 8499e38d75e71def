package pause

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
)

// Reference is the image's name. No registry has it.
const Reference = "daasvader.invalid/pause:1"

type file struct {
	name    string
	mode    int64
	content []byte
}

// Image returns the image as a docker-archive, what `docker save` writes. Its bytes are always the same.
func Image() ([]byte, error) {
	binary, err := program(runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	layer, err := archive(file{"pause", 0o755, binary})
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": []string{"/pause"}, "User": "65535:65535"},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	if err != nil {
		return nil, err
	}
	configName := digest(config) + ".json"
	manifest, err := json.Marshal([]map[string]any{
		{"Config": configName, "RepoTags": []string{Reference}, "Layers": []string{"layer.tar"}},
	})
	if err != nil {
		return nil, err
	}
	return archive(file{"manifest.json", 0o644, manifest}, file{configName, 0o644, config}, file{"layer.tar", 0o644, layer})
}

func archive(files ...file) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
