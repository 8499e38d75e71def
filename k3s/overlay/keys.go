package overlay

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/klog/v2"

	"daasvader/k3s/pki"
	"daasvader/k3s/wire"
)

const (
	// rotateAfter is how old a key gets.
	rotateAfter = 24 * time.Hour
	// settle is how long after the control plane has told of a new key it is used: peers are told at the same time.
	settle = 2 * time.Second
	// keepSecrets is how long what was sealed with the key before is still read.
	keepSecrets = 15 * time.Second
	// callTimeout is for one question to the control plane, callPause the time before it is asked again, which doubles up
	// to callPauses.
	callTimeout = 10 * time.Second
	callPause   = 5 * time.Second
	callPauses  = 80 * time.Second
)

// keyring has the node's keys: the one in use and, while it is being changed, the next. Each is a file that nobody else
// can read. Which one counts, the control plane says.
type keyring struct {
	dir         string
	rotateAfter time.Duration
	current     *ecdh.PrivateKey
	made        time.Time
	next        *ecdh.PrivateKey
	confirmed   time.Time // when the control plane first named next
	proving     bool
	// askAgain is when the control plane may be asked, pause what is added to that the next time.
	askAgain time.Time
	pause    time.Duration
}

func openKeyring(dir string, rotateAfter time.Duration) (*keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	k := &keyring{dir: dir, rotateAfter: rotateAfter, pause: callPause}
	var err error
	if k.current, k.made, err = readKey(k.path("key")); errors.Is(err, os.ErrNotExist) {
		k.current, k.made, err = makeKey(k.path("key"))
	}
	if err != nil {
		return nil, err
	}
	if k.next, _, err = readKey(k.path("next")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return k, nil
}

func (k *keyring) path(name string) string { return filepath.Join(k.dir, name) }

func readKey(file string) (*ecdh.PrivateKey, time.Time, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, time.Time{}, err
	}
	bytes, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("Cannot read the key in %s: %w", file, err)
	}
	key, err := ecdh.X25519().NewPrivateKey(bytes)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("Cannot read the key in %s: %w", file, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, time.Time{}, err
	}
	return key, info.ModTime(), nil
}

// makeKey makes a key and keeps it in a file.
func makeKey(file string) (*ecdh.PrivateKey, time.Time, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, time.Time{}, err
	}
	text := base64.StdEncoding.EncodeToString(key.Bytes()) + "\n"
	return key, time.Now(), pki.WriteFile(file, []byte(text), 0o600)
}

func publicKey(k *ecdh.PrivateKey) wire.WireGuardKey {
	return wire.WireGuardKey(k.PublicKey().Bytes())
}

// owns says whether the public key is one of this node's.
func (k *keyring) owns(key wire.WireGuardKey) bool {
	return key == publicKey(k.current) || (k.next != nil && key == publicKey(k.next))
}

// toProve returns the key that the control plane ought to be shown now, or nil.
func (k *keyring) toProve(self wire.Self, now time.Time) *ecdh.PrivateKey {
	switch {
	case self.Challenge.IsZero() || k.proving || now.Before(k.askAgain):
		return nil
	case k.next != nil && self.Key == publicKey(k.next):
		k.pause = callPause
		return nil
	case self.Key != publicKey(k.current):
		return k.current
	}
	return k.next
}

// asked notes that the control plane has answered, or has not.
func (k *keyring) asked(now time.Time) {
	k.proving, k.askAgain = false, now.Add(k.pause)
	k.pause = min(2*k.pause, callPauses)
}

// rotate makes the next key when it is time.
func (k *keyring) rotate(self wire.Self, now time.Time) error {
	if k.next != nil || self.Key != publicKey(k.current) || now.Sub(k.made) < k.rotateAfter {
		return nil
	}
	var err error
	k.next, _, err = makeKey(k.path("next"))
	return err
}

// advance makes the next key the current one once the control plane has named it for long enough, and says so.
func (k *keyring) advance(self wire.Self, now time.Time) (bool, error) {
	if k.next == nil || self.Key != publicKey(k.next) {
		k.confirmed = time.Time{}
		return false, nil
	}
	if k.confirmed.IsZero() {
		k.confirmed = now
	}
	if now.Sub(k.confirmed) < settle {
		return false, nil
	}
	if err := os.Rename(k.path("next"), k.path("key")); err != nil {
		return false, err
	}
	k.current, k.made, k.next, k.confirmed = k.next, now, nil, time.Time{}
	return true, nil
}

// refused replaces a key that the control plane will never take; it says whether that was the current one.
func (k *keyring) refused(key []byte) (bool, error) {
	if k.next != nil && bytes.Equal(key, k.next.Bytes()) {
		k.next = nil
		return false, os.Remove(k.path("next"))
	}
	var err error
	k.current, k.made, err = makeKey(k.path("key"))
	return true, err
}

// prove claims a key for the node.
func prove(ctx context.Context, o *Options, key *ecdh.PrivateKey, challenge wire.WireGuardKey) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	public := publicKey(key)
	proof, err := wire.ProveKey(key, challenge, public, o.Node)
	if err != nil {
		return err
	}
	if err := o.Prove(ctx, wire.KeyProof{Key: public, Proof: proof}); err != nil {
		klog.ErrorS(err, "Cannot prove this node's WireGuard key", "key", public)
		return err
	}
	return nil
}
