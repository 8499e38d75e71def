/** What the holder of a worker's capability calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, coin, numbers, type Payment, strings } from './call.ts';

/** What the calls of a worker's owner need. */
export type OwnerIds = Pick<ContractIds, 'packageId' | 'workersId'>;

/** The keys of a worker. */
export interface WorkerKeys {
  /** X25519, 64 lowercase hex digits: its join credential is encrypted to it. */
  sealToken: string;
  /** Ed25519, 32 bytes: it signs joins. */
  identityKey: Uint8Array;
}

/** A new worker, and the stake for it. */
export interface WorkerArgs extends WorkerKeys {
  stake: Payment;
  nodeId: string;
}

/** Registers a worker; the payment is its stake, and the sender gets its capability. */
export function stakeAndRegisterWorker(tx: Transaction, ids: OwnerIds, args: WorkerArgs): void {
  const { stake, nodeId, sealToken, identityKey } = args;
  const values = [coin(tx, stake), ...strings(tx, [nodeId, sealToken]), bytes(tx, identityKey)];
  ownerCall(tx, ids, 'stake_and_register_worker', values);
}

/** What a worker offers: its capacity, as much as its stake allows, and prices in MIST per unit and hour. */
export interface OfferArgs {
  capId: string;
  cpuMilli: bigint;
  memoryMib: bigint;
  diskGib: bigint;
  cpuPrice: bigint;
  memoryPrice: bigint;
  diskPrice: bigint;
  /** At most 32 of `a-z`, `0-9` and `-`, or nothing. */
  region: string;
  /** Whether it serves public traffic. */
  gateway: boolean;
}

/** Says what a worker offers. */
export function setOffer(tx: Transaction, ids: OwnerIds, args: OfferArgs): void {
  const { cpuMilli, memoryMib, diskGib, cpuPrice, memoryPrice, diskPrice } = args;
  ownerCall(tx, ids, 'set_offer', [
    tx.object(args.capId),
    ...numbers(tx, [cpuMilli, memoryMib, diskGib, cpuPrice, memoryPrice, diskPrice]),
    tx.pure.string(args.region),
    tx.pure.bool(args.gateway),
  ]);
}

/** Gives a worker another seal token. */
export function refreshSealToken(
  tx: Transaction,
  ids: OwnerIds,
  args: { capId: string; sealToken: string },
): void {
  ownerCall(tx, ids, 'refresh_seal_token', [tx.object(args.capId), tx.pure.string(args.sealToken)]);
}

/** Has nothing new put on a worker. */
export function drainWorker(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'drain_worker', [tx.object(capId)]);
}

/** Takes back a drain. */
export function resumeWorker(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'resume_worker', [tx.object(capId)]);
}

/** Takes a worker out of the cluster. */
export function leave(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'leave', [tx.object(capId)]);
}

/** Adds to a worker's stake. */
export function addStake(tx: Transaction, ids: OwnerIds, args: { stake: Payment; capId: string }): void {
  ownerCall(tx, ids, 'add_stake', [coin(tx, args.stake), tx.object(args.capId)]);
}

/** A slashed worker with new keys, and what its stake is topped up with. */
export interface ReinstateArgs extends WorkerKeys {
  stake: Payment;
  capId: string;
}

/** Brings a slashed worker back to pending. */
export function reinstate(tx: Transaction, ids: OwnerIds, args: ReinstateArgs): void {
  const { stake, capId, sealToken, identityKey } = args;
  const values = [coin(tx, stake), tx.object(capId), tx.pure.string(sealToken), bytes(tx, identityKey)];
  ownerCall(tx, ids, 'reinstate', values);
}

/** Starts the waiting time of all stake of a worker that left. */
export function requestWorkerWithdraw(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'request_withdraw', [tx.object(capId)]);
}

/** Takes out a worker's stake that has waited long enough. */
export function withdrawWorkerStake(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'withdraw', [tx.object(capId)]);
}

/** Deletes a worker that left and has no stake any more, with its capability; its node id is free again. */
export function closeWorker(tx: Transaction, ids: OwnerIds, capId: string): void {
  ownerCall(tx, ids, 'close_worker', [tx.object(capId)]);
}

function ownerCall(tx: Transaction, ids: OwnerIds, name: string, args: Arguments): void {
  call(tx, ids, `worker_registry::${name}`, [ids.workersId], args);
}
