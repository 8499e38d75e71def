package wire

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// keyProofInfo keeps the secret apart from whatever else is derived of the same two keys.
const keyProofInfo = "daasvader wireguard key proof v1"

// ProveKey makes the proof of a KeyProof: whoever has one of the two private keys can make it, for the other's public
// one, and nobody else. It holds for one node name and one challenge.
func ProveKey(private *ecdh.PrivateKey, other WireGuardKey, key WireGuardKey, node string) ([]byte, error) {
	peer, err := ecdh.X25519().NewPublicKey(other[:])
	if err != nil {
		return nil, err
	}
	shared, err := private.ECDH(peer) // refuses keys of low order
	if err != nil {
		return nil, err
	}
	secret, err := hkdf.Key(sha256.New, shared, nil, keyProofInfo, sha256.Size)
	if err != nil {
		return nil, err
	}
	proof := hmac.New(sha256.New, secret)
	proof.Write(key[:])
	proof.Write([]byte(node))
	return proof.Sum(nil), nil
}

// IsZero says that there is no key.
func (k WireGuardKey) IsZero() bool { return k == WireGuardKey{} }

// String is as WireGuard's tools write keys.
func (k WireGuardKey) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// MarshalText is String.
func (k WireGuardKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote, and nothing else.
func (k *WireGuardKey) UnmarshalText(text []byte) error {
	decoded, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(decoded) != len(k) {
		return fmt.Errorf("%.60q is no WireGuard key: 32 bytes in base64", text)
	}
	copy(k[:], decoded)
	return nil
}
