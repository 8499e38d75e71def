import type { WorkerStatus } from '@daasvader/chain/codes.ts';
import type { Cluster } from '@daasvader/verifier/cluster.ts';

/** A worker as the registry has it. */
export interface RegisteredWorker {
  nodeId: string;
  owner: string;
  status: WorkerStatus;
  sealToken: string;
  /** Ms since 1970; after it the token joins nobody. */
  tokenExpiresAtMs: number;
}

/** What the agent reads from the chain. An answer that did not come is an error, never an absence. */
export interface ChainReader {
  /** @throws VerifierError `chain`; ChainError */
  readCluster(): Promise<Cluster>;
  /** Undefined when the registry has no such worker. */
  readWorker(nodeId: string): Promise<RegisteredWorker | undefined>;
}

/** What the worker's owner asks of the chain; each resolves with the transaction's digest. */
export interface WorkerOwner {
  address: string;
  /** Stakes `amount` MIST and registers a worker. */
  register(nodeId: string, sealToken: string, amount: bigint): Promise<string>;
  refreshSealToken(nodeId: string, sealToken: string): Promise<string>;
  drain(nodeId: string): Promise<string>;
  /** Takes back a drain. */
  resume(nodeId: string): Promise<string>;
  leave(nodeId: string): Promise<string>;
}
