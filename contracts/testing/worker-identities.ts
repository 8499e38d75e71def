import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { joinStatement } from '@daasvader/chain/join-statement.ts';
import type { Proof } from './stake-model.ts';

/** Of Ed25519. */
export interface Identity {
  publicKey: Uint8Array;
  privateKey: KeyObject;
}

const COUNTER = 1n;

export function newIdentity(): Identity {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32), privateKey };
}

/** What workers of one cluster sign their joins with now. */
export class WorkerIdentities {
  readonly #clusterId: string;
  readonly #now = new Map<string, Identity>();
  readonly #stranger = newIdentity();

  constructor(clusterId: string) {
    this.#clusterId = clusterId;
  }

  set(nodeId: string, identity: Identity): void {
    this.#now.set(nodeId, identity);
  }

  /** Two signed joins under one counter: the worker's own or a stranger's, over two requests or one. */
  joins(nodeId: string, proof: Proof): { counter: bigint; parts: Uint8Array[] } {
    const { privateKey } = (proof.isSigned && this.#now.get(nodeId)) || this.#stranger;
    const parts = [1, proof.isDouble ? 2 : 1].flatMap((value) => {
      const digest = new Uint8Array(32).fill(value);
      const statement = joinStatement({ clusterId: this.#clusterId, nodeId, counter: COUNTER, digest });
      return [digest, sign(null, statement, privateKey)];
    });
    return { counter: COUNTER, parts };
  }
}
