/** What the owner of a worker calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, call, coin, type Payment, strings } from './call.ts';

/** What the calls of a worker's owner need. */
export type OwnerIds = Pick<ContractIds, 'packageId' | 'workersId'>;

/** A stake for a worker, and the token that its join credential is encrypted to. */
export interface WorkerArgs {
  stake: Payment;
  nodeId: string;
  sealToken: string;
}

/** Registers a worker of the sender; the payment is its stake. */
export function stakeAndRegisterWorker(tx: Transaction, ids: OwnerIds, args: WorkerArgs): void {
  const values = [coin(tx, args.stake), ...strings(tx, [args.nodeId, args.sealToken])];
  ownerCall(tx, ids, 'stake_and_register_worker', values);
}

/** Gives a worker another seal token. */
export function refreshSealToken(
  tx: Transaction,
  ids: OwnerIds,
  args: { nodeId: string; sealToken: string },
): void {
  ownerCall(tx, ids, 'refresh_seal_token', strings(tx, [args.nodeId, args.sealToken]));
}

/** Has nothing new put on a worker. */
export function drainWorker(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'drain_worker', strings(tx, [nodeId]));
}

/** Takes back a drain. */
export function resumeWorker(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'resume_worker', strings(tx, [nodeId]));
}

/** Takes a worker out of the cluster. */
export function leave(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'leave', strings(tx, [nodeId]));
}

/** Adds to a worker's stake. */
export function addStake(tx: Transaction, ids: OwnerIds, args: { stake: Payment; nodeId: string }): void {
  ownerCall(tx, ids, 'add_stake', [coin(tx, args.stake), ...strings(tx, [args.nodeId])]);
}

/** Brings a slashed worker back to pending. */
export function reinstate(tx: Transaction, ids: OwnerIds, args: WorkerArgs): void {
  ownerCall(tx, ids, 'reinstate', [coin(tx, args.stake), ...strings(tx, [args.nodeId, args.sealToken])]);
}

/** Starts the waiting time of all stake of a worker that left. */
export function requestWorkerWithdraw(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'request_withdraw', strings(tx, [nodeId]));
}

/** Takes out a worker's stake that has waited long enough. */
export function withdrawWorkerStake(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'withdraw', strings(tx, [nodeId]));
}

function ownerCall(tx: Transaction, ids: OwnerIds, name: string, args: Arguments): void {
  call(tx, ids, `worker_registry::${name}`, [ids.workersId], args);
}
