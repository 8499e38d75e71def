package netview

import (
	"errors"
	"time"

	"daasvader/k3s/wire"
)

// keyRest is how long a key that was a node's is nobody else's: longer than any node needs to hear of it.
const keyRest = 10 * time.Minute

// errKeyTaken says that a key is another node's, or was a moment ago.
var errKeyTaken = errors.New("the key is another node's, or was not long ago")

// claim is whose a key is.
type claim struct {
	node string
	// isHeld says that the node's object carries it; otherwise nobody else may have it until then.
	isHeld bool
	until  time.Time
}

// Claim reserves a key that a node has proven, for keyRest or until the node's object carries it.
func (v *Views) Claim(node string, key wire.WireGuardKey) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, claim := range v.keys {
		if !claim.isHeld && v.now().After(claim.until) {
			delete(v.keys, key)
		}
	}
	claimed, isClaimed := v.keys[key]
	if isClaimed && claimed.node != node {
		return errKeyTaken
	}
	if !claimed.isHeld {
		v.keys[key] = claim{node: node, until: v.now().Add(keyRest)}
	}
	return nil
}

// hold notes which key a node's object carries. One that is another node's was never claimed, and counts for nothing.
func (v *Views) hold(n *node, key wire.WireGuardKey) {
	if n.key == key {
		return
	}
	if former := v.keys[n.key]; former.isHeld && former.node == n.name {
		v.keys[n.key] = claim{node: n.name, until: v.now().Add(keyRest)}
	}
	n.key = key
	if claimed, isClaimed := v.keys[key]; !key.IsZero() && (!isClaimed || claimed.node == n.name) {
		v.keys[key] = claim{node: n.name, isHeld: true}
	}
	v.touchAsPeer(n)
}

// provenKey is the key that counts as a node's; the zero key when there is none.
func (v *Views) provenKey(n *node) wire.WireGuardKey {
	if claimed := v.keys[n.key]; claimed.isHeld && claimed.node == n.name {
		return n.key
	}
	return wire.WireGuardKey{}
}
