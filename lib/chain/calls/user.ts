/** What users call: they stake for a role, grant roles to others and order. */
import { type Transaction, TransactionCommands } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, coin, type Payment, strings } from './call.ts';

/** The longest body that a transaction carries. */
export const MAX_BODY_BYTES = 98_304;
/** The longest body that a blob holds for a request. */
export const MAX_REFERENCED_BYTES = 3 << 20;
/** Sui takes an argument below 16 KiB with its length; `MAX_BODY_BYTES` is at most 8 pieces, as the contract takes. */
const PIECE_BYTES = 16_000;

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

/** Makes another namespace, by its full name, one of the sender's; for admins and above. */
export function claimNamespace(tx: Transaction, ids: ContractIds, namespace: string): void {
  stakingCall(tx, ids, 'claim_namespace', strings(tx, [namespace]));
}

/** Gives up a namespace that the sender claimed; roles granted there end. */
export function releaseNamespace(tx: Transaction, ids: ContractIds, namespace: string): void {
  stakingCall(tx, ids, 'release_namespace', strings(tx, [namespace]));
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

/** A request to Kubernetes as HTTP has it. */
export interface KubernetesRequestArgs {
  method: string;
  path: string;
  /** Without the question mark, or nothing. */
  query: string;
  contentType: string;
  /** At most {@link MAX_BODY_BYTES}; empty only for DELETE. */
  body: Uint8Array;
}

/** Asks for a request to Kubernetes, byte for byte. It is public, so it must hold no secrets. */
export function submitRequest(tx: Transaction, ids: ContractIds, args: KubernetesRequestArgs): void {
  const elements = piecesOf(args.body).map((piece) => tx.pure.vector('u8', piece));
  const body = tx.add(TransactionCommands.MakeMoveVec({ type: 'vector<u8>', elements }));
  order(tx, ids, 'submit_request', [...requestLine(tx, args), body]);
}

/** A request to Kubernetes whose body a Walrus blob holds: the body's SHA-256 and the blob's id, 32 bytes each. */
export interface RequestByDigestArgs extends Omit<KubernetesRequestArgs, 'body'> {
  digest: Uint8Array;
  /** Of the body, in bytes; at most {@link MAX_REFERENCED_BYTES}. */
  size: bigint;
  blobId: Uint8Array;
}

/** Asks for a request to Kubernetes whose body is kept elsewhere. It is public all the same. */
export function submitRequestByDigest(tx: Transaction, ids: ContractIds, args: RequestByDigestArgs): void {
  const values = [bytes(tx, args.digest), tx.pure.u64(args.size), bytes(tx, args.blobId)];
  order(tx, ids, 'submit_request_by_digest', [...requestLine(tx, args), ...values]);
}

/** Withdraws a request that is not done. For its requester and the owner of its namespace. */
export function cancelRequest(tx: Transaction, ids: ContractIds, requestId: bigint): void {
  call(tx, ids, 'k8s_scheduler::cancel_request', [ids.schedulerId], [tx.pure.u64(requestId)]);
}

/** Takes out `amount` MIST that was paid for fees of orders in the sender's namespaces. */
export function withdrawFees(tx: Transaction, ids: ContractIds, amount: bigint): void {
  call(tx, ids, 'k8s_scheduler::withdraw_fees', [ids.schedulerId], [tx.pure.u64(amount)]);
}

function requestLine(tx: Transaction, args: Omit<KubernetesRequestArgs, 'body'>): Arguments {
  return strings(tx, [args.method, args.path, args.query, args.contentType]);
}

function piecesOf(body: Uint8Array): Uint8Array[] {
  const count = Math.ceil(body.length / PIECE_BYTES);
  return Array.from({ length: count }, (_, at) => body.subarray(at * PIECE_BYTES, (at + 1) * PIECE_BYTES));
}

function order(tx: Transaction, ids: ContractIds, name: string, args: Arguments): void {
  call(tx, ids, `k8s_scheduler::${name}`, [ids.schedulerId, ids.workersId, ids.stakingId], args);
}
