/** What users call: they stake for a role, grant roles to others and order. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, coin, type Payment, strings } from './call.ts';

/** Stakes for a role; for whoever has not staked yet. */
export function stake(tx: Transaction, ids: ContractIds, payment: Payment): void {
  stakingCall(tx, ids, 'stake', [coin(tx, payment)]);
}

/** Adds to the sender's stake. */
export function restake(tx: Transaction, ids: ContractIds, payment: Payment): void {
  stakingCall(tx, ids, 'restake', [coin(tx, payment)]);
}

/** Starts the waiting time of `amount` MIST. */
export function requestWithdraw(tx: Transaction, ids: ContractIds, amount: bigint): void {
  stakingCall(tx, ids, 'request_withdraw', [tx.pure.u64(amount)]);
}

/** Takes out stake that has waited long enough. */
export function withdraw(tx: Transaction, ids: ContractIds): void {
  stakingCall(tx, ids, 'withdraw', []);
}

/** A namespace of the sender's by its full name, and who is meant. */
export interface GrantArgs {
  namespace: string;
  user: string;
}

/** Gives another a role, one of `ROLE` up to admin. */
export function grantRole(tx: Transaction, ids: ContractIds, args: GrantArgs & { role: number }): void {
  const { namespace, user, role } = args;
  stakingCall(tx, ids, 'grant_role', [tx.pure.string(namespace), tx.pure.address(user), tx.pure.u8(role)]);
}

/** Takes back what the sender granted. */
export function revokeRole(tx: Transaction, ids: ContractIds, { namespace, user }: GrantArgs): void {
  stakingCall(tx, ids, 'revoke_role', [tx.pure.string(namespace), tx.pure.address(user)]);
}

function stakingCall(tx: Transaction, ids: ContractIds, name: string, args: Arguments): void {
  call(tx, ids, `staking::${name}`, [ids.stakingId], args);
}

/** A request for a simple object; `requester` must be the sender. */
export interface RequestArgs {
  method: string;
  path: string;
  name: string;
  /** `k=v,k2=v2`, or nothing. */
  labels: string;
  namespace: string;
  containerName: string;
  image: string;
  /** In decimal, or nothing. */
  port: string;
  requester: string;
}

/** Asks for a simple object. */
export function submitK8sRequest(tx: Transaction, ids: ContractIds, args: RequestArgs): void {
  const { method, path, name, labels, namespace, containerName, image, port, requester } = args;
  const texts = [method, path, name, labels, namespace, containerName, image, port];
  order(tx, ids, 'submit_k8s_request', [...strings(tx, texts), tx.pure.address(requester)]);
}

/** A request for an object by its JSON, at most 8 KiB. */
export interface ManifestArgs {
  method: string;
  path: string;
  namespace: string;
  manifest: Uint8Array;
}

/** Asks for an object by its JSON. */
export function submitManifest(tx: Transaction, ids: ContractIds, args: ManifestArgs): void {
  const texts = strings(tx, [args.method, args.path, args.namespace]);
  order(tx, ids, 'submit_manifest', [...texts, bytes(tx, args.manifest)]);
}

/** A request for an object by the digest of its JSON, which a Walrus blob holds; 32 bytes each. */
export interface ManifestReferenceArgs extends Omit<ManifestArgs, 'manifest'> {
  digest: Uint8Array;
  blobId: Uint8Array;
}

/** Asks for an object whose JSON is kept elsewhere. */
export function submitManifestReference(
  tx: Transaction,
  ids: ContractIds,
  args: ManifestReferenceArgs,
): void {
  const texts = strings(tx, [args.method, args.path, args.namespace]);
  const values = [args.digest, args.blobId].map((value) => bytes(tx, value));
  order(tx, ids, 'submit_manifest_reference', [...texts, ...values]);
}

/** Withdraws a request that is not done. For its requester and the owner of its namespace. */
export function cancelRequest(tx: Transaction, ids: ContractIds, requestId: bigint): void {
  call(tx, ids, 'k8s_scheduler::cancel_request', [ids.schedulerId], [tx.pure.u64(requestId)]);
}

function order(tx: Transaction, ids: ContractIds, name: string, args: Arguments): void {
  call(tx, ids, `k8s_scheduler::${name}`, [ids.schedulerId, ids.workersId, ids.stakingId], args);
}
