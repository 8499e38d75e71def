import { createPublicKey, verify } from 'node:crypto';
import { joinDigest, joinStatement } from '@daasvader/chain/join-statement.ts';
import type { ClusterState, Worker } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';

/** SubjectPublicKeyInfo of an Ed25519 key up to its 32 bytes (RFC 8410, section 4). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
/** Proofs that are kept for whoever asks; each worker has at most one, until it is slashed for it. */
const MAX_PROOFS = 64;

/** A join as its worker signed it. */
export interface SignedJoinRequest {
  readonly nodeId: string;
  readonly sealToken: string;
  readonly ipAddress: string;
  /** 32 random bytes of the worker. */
  readonly nonce: Uint8Array;
  readonly counter: bigint;
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Two joins that one worker signed under one counter, in hex: what the contract takes half of a stake for. */
export interface DoubleIdentityProof {
  readonly nodeId: string;
  readonly counter: string;
  readonly first: string;
  readonly firstSignature: string;
  readonly second: string;
  readonly secondSignature: string;
}

/** What the counters need. */
export interface JoinCountersOptions {
  readonly state: Pick<ClusterState, 'worker'>;
  readonly clusterId: string;
  /** Of this boot, 16 bytes. */
  readonly bootId: Uint8Array;
  /** Called with each proof, once. */
  readonly onDoubleIdentity: (proof: DoubleIdentityProof) => void;
}

interface Accepted {
  /** A worker that comes back under another key, or another worker of that name, begins anew. */
  readonly identityKey: Uint8Array;
  readonly counter: bigint;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The counters that workers sign their joins under. Each is used once: who signs two different joins under one runs in
 * two places, and proves it.
 */
export class JoinCounters {
  readonly #options: JoinCountersOptions;
  /** In this boot, by node id: as many as the chain has registered. */
  readonly #accepted = new Map<string, Accepted>();
  readonly #proofs = new Map<string, { identityKey: Uint8Array; proof: DoubleIdentityProof }>();

  constructor(options: JoinCountersOptions) {
    this.#options = options;
  }

  /** The counter that was accepted last, in this boot or as the chain says; 0 for none. */
  last(nodeId: string): bigint {
    const told = this.#options.state.worker(nodeId)?.counter ?? 0n;
    const accepted = this.#known(nodeId)?.counter ?? 0n;
    return accepted > told ? accepted : told;
  }

  /** Proofs of this boot for which nobody was slashed yet, the oldest first. */
  get proofs(): readonly DoubleIdentityProof[] {
    for (const [nodeId, { identityKey }] of this.#proofs)
      if (!this.#mayBeSlashed(nodeId, identityKey)) this.#proofs.delete(nodeId);
    return [...this.#proofs.values()].map(({ proof }) => proof);
  }

  /**
   * Accepts a join of a registered worker, the same one again too: its answer may have been lost.
   *
   * @throws {EnclaveError} `join` when the worker did not sign it, or under a counter that is used
   */
  accept(worker: Worker, join: SignedJoinRequest): void {
    const { clusterId, bootId } = this.#options;
    const { nodeId, counter, signature } = join;
    const digest = joinDigest({ ...join, bootId });
    const statement = joinStatement({ clusterId, nodeId, counter, digest });
    if (!isSigned(worker.identityKey, statement, signature))
      throw refusal(nodeId, 'its identity key did not sign this join to this boot of the control plane');
    const known = this.#known(nodeId);
    if (known?.counter === counter && isSame(known.digest, digest)) return;
    const { identityKey } = worker;
    const accepted = { identityKey, counter, digest, signature };
    const last = this.last(nodeId);
    if (counter <= last) {
      if (known?.counter === counter) this.#tell(nodeId, known, accepted);
      throw refusal(nodeId, `counter ${counter} is used; sign a greater one than ${last}`);
    }
    this.#accepted.set(nodeId, accepted);
  }

  #known(nodeId: string): Accepted | undefined {
    const accepted = this.#accepted.get(nodeId);
    const key = this.#options.state.worker(nodeId)?.identityKey;
    return accepted && key && isSame(accepted.identityKey, key) ? accepted : undefined;
  }

  #mayBeSlashed(nodeId: string, identityKey: Uint8Array): boolean {
    const worker = this.#options.state.worker(nodeId);
    return !!worker && isSame(worker.identityKey, identityKey) && !worker.isSlashed;
  }

  #tell(nodeId: string, first: Accepted, second: Accepted): void {
    const { proofs } = this;
    if (proofs.length >= MAX_PROOFS || proofs.some((each) => each.nodeId === nodeId)) return;
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
    const proof = {
      nodeId,
      counter: first.counter.toString(),
      first: hex(first.digest),
      firstSignature: hex(first.signature),
      second: hex(second.digest),
      secondSignature: hex(second.signature),
    };
    this.#proofs.set(nodeId, { identityKey: first.identityKey, proof });
    this.#options.onDoubleIdentity(proof);
  }
}

function isSigned(identityKey: Uint8Array, statement: Uint8Array, signature: Uint8Array): boolean {
  const der = Buffer.concat([SPKI_PREFIX, identityKey]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return verify(null, statement, key, signature);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

function refusal(nodeId: string, why: string): EnclaveError {
  return new EnclaveError('join', `Cannot join ${nodeId}: ${why}`);
}
