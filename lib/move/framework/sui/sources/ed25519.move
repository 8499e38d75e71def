/// Ed25519 signatures (RFC 8032).
module sui::ed25519;

/// Whether the signature (64 bytes) is that of the public key (32 bytes) over the message; false for other lengths.
public native fun ed25519_verify(signature: &vector<u8>, public_key: &vector<u8>, msg: &vector<u8>): bool;
