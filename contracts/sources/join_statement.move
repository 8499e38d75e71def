/// What a worker signs when it joins: one request, under one counter that it never uses again.
///
/// Two signed statements of one worker with the same counter and different requests are double identity: the same worker
/// claimed to be two machines. Nobody but the holder of the worker's identity key can make them.
module daasvader::join_statement;

use std::bcs;
use std::string::String;
use sui::ed25519;

/// Keeps signatures over anything else from being taken for one over a join.
const DOMAIN: vector<u8> = b"daasvader::join::v1";
const DIGEST_LENGTH: u64 = 32;

/// What is signed is the BCS of this.
public struct JoinStatement has copy, drop {
    domain: vector<u8>,
    cluster_id: address,
    node_id: String,
    counter: u64,
    /// SHA-256 of the join request.
    digest: vector<u8>,
}

/// @param digest - SHA-256 of the join request
public(package) fun new(cluster_id: ID, node_id: String, counter: u64, digest: vector<u8>): JoinStatement {
    JoinStatement { domain: DOMAIN, cluster_id: cluster_id.to_address(), node_id, counter, digest }
}

/// Whether the identity key signed the statement; never for a digest of another length than SHA-256 has.
public(package) fun is_signed_by(self: &JoinStatement, identity_key: &vector<u8>, signature: &vector<u8>): bool {
    self.digest.length() == DIGEST_LENGTH &&
    ed25519::ed25519_verify(signature, identity_key, &bcs::to_bytes(self))
}
