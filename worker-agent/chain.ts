import type { OfferArgs, WorkerKeys } from '@daasvader/chain/calls/worker-owner.ts';
import type { WorkerStatus } from '@daasvader/chain/codes.ts';
import type { Cluster } from '@daasvader/verifier/cluster.ts';

/** What a worker offers, and at which prices. */
export type Offer = Omit<OfferArgs, 'capId'>;

/** A worker as the registry has it. */
export interface RegisteredWorker {
  nodeId: string;
  /** Who registered it; its capability may be another's by now. */
  owner: string;
  status: WorkerStatus;
  sealToken: string;
  /** Ed25519, in hex. */
  identityKey: string;
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

/** What a worker's owner asks of the chain; each resolves with the transaction's digest. */
export interface WorkerOwner {
  address: string;
  /** Whether this account holds the worker's capability. */
  has(nodeId: string): Promise<boolean>;
  /** Stakes `amount` MIST and registers a worker. */
  register(nodeId: string, keys: WorkerKeys, amount: bigint): Promise<string>;
  refreshSealToken(nodeId: string, sealToken: string): Promise<string>;
  setOffer(nodeId: string, offer: Offer): Promise<string>;
  drain(nodeId: string): Promise<string>;
  /** Takes back a drain. */
  resume(nodeId: string): Promise<string>;
  leave(nodeId: string): Promise<string>;
  /** Adds `amount` MIST. */
  addStake(nodeId: string, amount: bigint): Promise<string>;
  /** Starts the waiting time of all stake of a worker that left or was slashed. */
  requestWithdraw(nodeId: string): Promise<string>;
  /** Takes out stake that has waited long enough. */
  withdraw(nodeId: string): Promise<string>;
  /** Brings a slashed worker back with other keys and `amount` MIST more. */
  reinstate(nodeId: string, keys: WorkerKeys, amount: bigint): Promise<string>;
  /** Gives the worker to another account. */
  transfer(nodeId: string, address: string): Promise<string>;
  /** Deletes a worker that left and has no stake. */
  close(nodeId: string): Promise<string>;
}
