/// Signatures with Ed25519.
module sui::ed25519;

/// Whether a signature of 64 bytes is that of a message by a key of 32 bytes; what is no signature or no key is not.
public native fun ed25519_verify(signature: &vector<u8>, public_key: &vector<u8>, msg: &vector<u8>): bool;
