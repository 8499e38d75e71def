import { bcs } from '@mysten/sui/bcs';
import { sha256 } from '@noble/hashes/sha2.js';

const STATEMENT_DOMAIN = new TextEncoder().encode('daasvader::join::v1');
const REQUEST_DOMAIN = new TextEncoder().encode('daasvader::join-request::v1');

const bytes = bcs.byteVector();

const Statement = bcs.struct('JoinStatement', {
  domain: bytes,
  clusterId: bcs.Address,
  nodeId: bcs.string(),
  counter: bcs.u64(),
  digest: bytes,
});

const Request = bcs.struct('JoinRequest', {
  bootId: bytes,
  nonce: bytes,
  sealToken: bcs.string(),
  ipAddress: bcs.string(),
});

/** What makes one join different from every other. */
export interface JoinRequest {
  /** Of the enclave that is asked, 16 bytes: a join is of no use to a later one. */
  bootId: Uint8Array;
  /** Random, of the worker, 32 bytes. */
  nonce: Uint8Array;
  sealToken: string;
  ipAddress: string;
}

/** What a worker signs when it joins. */
export interface JoinStatement {
  clusterId: string;
  nodeId: string;
  /** Greater than that of every join before. */
  counter: bigint;
  /** Of the request, by {@link joinDigest}. */
  digest: Uint8Array;
}

/** SHA-256 of a join's content: by two digests under one counter the chain tells that a worker was in two places. */
export function joinDigest({ bootId, nonce, sealToken, ipAddress }: JoinRequest): Uint8Array {
  const content = Request.serialize({ bootId, nonce, sealToken, ipAddress }).toBytes();
  return sha256(Buffer.concat([REQUEST_DOMAIN, content]));
}

/**
 * The bytes that a worker's identity key signs (Ed25519, RFC 8032), as `join_statement` of the contracts builds them.
 * Both sides assert one vector.
 */
export function joinStatement({ clusterId, nodeId, counter, digest }: JoinStatement): Uint8Array {
  return Statement.serialize({ domain: STATEMENT_DOMAIN, clusterId, nodeId, counter, digest }).toBytes();
}
