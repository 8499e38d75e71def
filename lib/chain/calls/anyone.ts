/** What anybody may call: bringing proof, paying for another, and clearing away what is done with. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { bytes, call, coin, type Payment } from './call.ts';

/** A join that a worker signed: its digest, 32 bytes, and the Ed25519 signature over its statement. */
export interface SignedJoin {
  digest: Uint8Array;
  signature: Uint8Array;
}

/** Two different joins that one worker signed under one counter. */
export interface DoubleIdentityArgs {
  nodeId: string;
  counter: bigint;
  first: SignedJoin;
  second: SignedJoin;
}

/** Takes half of the stake of a worker that was in two places at once. */
export function slashDoubleIdentity(tx: Transaction, ids: ContractIds, args: DoubleIdentityArgs): void {
  const joins = [args.first, args.second].flatMap(({ digest, signature }) => [digest, signature]);
  call(
    tx,
    ids,
    'worker_registry::slash_double_identity',
    [ids.workersId],
    [tx.pure.string(args.nodeId), tx.pure.u64(args.counter), ...joins.map((value) => bytes(tx, value))],
  );
}

/** Deletes an enclave that is in no seat: its operator's at once, anybody's 7 days after it registered. */
export function closeEnclave(tx: Transaction, ids: ContractIds, enclaveId: string): void {
  call(tx, ids, 'enclave_registry::close_enclave', [ids.registryId, enclaveId]);
}

/** Deletes a finished request: its requester's and its owner's at once, anybody's after 7 days. */
export function pruneRequest(tx: Transaction, ids: ContractIds, requestId: bigint): void {
  call(tx, ids, 'k8s_scheduler::prune_request', [ids.schedulerId], [tx.pure.u64(requestId)]);
}

/** Pays fees of orders in the namespaces of an owner in advance. */
export function depositFees(
  tx: Transaction,
  ids: ContractIds,
  args: { payment: Payment; owner: string },
): void {
  const values = [coin(tx, args.payment), tx.pure.address(args.owner)];
  call(tx, ids, 'k8s_scheduler::deposit_fees', [ids.schedulerId], values);
}
