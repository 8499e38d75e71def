package overlay

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"daasvader/k3s/wire"
)

func testKeyring(t *testing.T, dir string) *keyring {
	t.Helper()
	k, err := openKeyring(dir, rotateAfter)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeysOutliveTheProcessAndAreSecret(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "overlay")
	before := testKeyring(t, dir)
	if after := testKeyring(t, dir); !after.current.Equal(before.current) {
		t.Error("The next process has another key")
	}
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "key"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
	}
}

func TestAKeyFileThatIsNoneIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("c2hvcnQ=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openKeyring(dir, rotateAfter); err == nil {
		t.Error("It was read")
	}
}

func TestAKeyIsProvenBeforeItIsUsed(t *testing.T) {
	k := testKeyring(t, t.TempDir())
	now := time.Now()
	self := wire.Self{Challenge: wire.WireGuardKey{1}}
	if got := k.toProve(self, now); got != k.current {
		t.Fatal("The first key is not proven")
	}
	self.Key = publicKey(k.current)
	if k.toProve(self, now) != nil {
		t.Error("A key is proven that counts already")
	}
	first := k.current
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(k.rotate(self, now))
	if k.next != nil {
		t.Fatal("A new key is made before the old one is old")
	}
	now = now.Add(rotateAfter + time.Minute)
	must(k.rotate(self, now))
	next := k.next
	if next == nil || k.toProve(self, now) != next {
		t.Fatal("The next key is not proven")
	}
	if changed, err := k.advance(self, now.Add(time.Hour)); changed || err != nil {
		t.Fatal("The next key is used before the control plane has named it")
	}
	self.Key = publicKey(next)
	for i, want := range []bool{false, true, false} {
		changed, err := k.advance(self, now.Add(time.Duration(i)*settle))
		if must(err); changed != want {
			t.Errorf("Step %d: changed %v", i, changed)
		}
	}
	if k.current != next || k.owns(publicKey(first)) || !testKeyring(t, k.dir).current.Equal(next) {
		t.Error("The next key has not taken the place of the first")
	}
}

func TestAProcessThatEndsBetweenProofAndUseGoesOn(t *testing.T) {
	k := testKeyring(t, t.TempDir())
	now := time.Now().Add(rotateAfter + time.Minute)
	if err := k.rotate(wire.Self{Key: publicKey(k.current)}, now); err != nil {
		t.Fatal(err)
	}
	after := testKeyring(t, k.dir)
	self := wire.Self{Key: publicKey(k.next), Challenge: wire.WireGuardKey{1}}
	if after.toProve(self, now) != nil {
		t.Error("A key is proven that counts already")
	}
	after.advance(self, now)
	if changed, err := after.advance(self, now.Add(settle)); !changed || err != nil {
		t.Errorf("The key that counts is not used: %v", err)
	}
}

func TestARefusedKeyIsReplaced(t *testing.T) {
	k := testKeyring(t, t.TempDir())
	first := k.current
	if changed, err := k.refused(first.Bytes()); !changed || err != nil || k.current.Equal(first) {
		t.Errorf("The key is the same: %v", err)
	}
	if after := testKeyring(t, k.dir); !after.current.Equal(k.current) {
		t.Error("The next process has another key")
	}
}

func TestTheControlPlaneIsAskedLessAndLess(t *testing.T) {
	k := testKeyring(t, t.TempDir())
	self := wire.Self{Challenge: wire.WireGuardKey{1}}
	asked := 0
	now := time.Now()
	for end := now.Add(10 * time.Minute); now.Before(end); now = now.Add(tick) {
		if k.toProve(self, now) != nil {
			asked++
			k.asked(now)
		}
	}
	if asked < 8 || asked > 16 {
		t.Errorf("It was asked %d times in ten minutes", asked)
	}
}
