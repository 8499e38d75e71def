/** What an enclave calls: it registers, and speaks as the operator once it leads. */
import type { Transaction, TransactionArgument } from '@mysten/sui/transactions';
import { CLOCK_ID } from '../clock.ts';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, callPlain } from './call.ts';

/** What an operator's call needs: the contracts and its own enclave. */
export type OperatorIds = ContractIds & { enclaveId: string };

/** The chain's leave to speak as the operator, for the transaction that asked for it. */
export type Act = TransactionArgument;

/** Gives the sender a ticket; its id is the nonce of the attestation document. */
export function openRegistration(tx: Transaction, ids: ContractIds): void {
  callPlain(tx, ids, 'enclave_registry::open_registration', [tx.object(ids.registryId)]);
}

/** Burns a ticket that nobody registers with. */
export function closeTicket(tx: Transaction, ids: Pick<ContractIds, 'packageId'>, ticketId: string): void {
  callPlain(tx, ids, 'enclave_registry::close_ticket', [tx.object(ticketId)]);
}

/** What an enclave registers with. */
export interface RegistrationArgs {
  ticketId: string;
  document: Uint8Array;
  tlsSpkiSha256: Uint8Array;
  caSha256: Uint8Array;
  hpkePublicKey: Uint8Array;
  bootId: Uint8Array;
}

/** Has the chain verify the document and registers its enclave, in one transaction. */
export function registerEnclave(tx: Transaction, ids: ContractIds, args: RegistrationArgs): void {
  const document = tx.moveCall({
    target: '0x2::nitro_attestation::load_nitro_attestation',
    arguments: [bytes(tx, args.document), tx.object(CLOCK_ID)],
  });
  const { tlsSpkiSha256, caSha256, hpkePublicKey, bootId } = args;
  const keys = [tlsSpkiSha256, caSha256, hpkePublicKey, bootId].map((value) => bytes(tx, value));
  const objects = [ids.registryId, args.ticketId];
  call(tx, ids, 'enclave_registry::register_enclave', objects, [document, ...keys]);
}

/** Of which term the operator speaks, and how long it may be held back; at most 5 minutes ahead of the chain's clock. */
export interface ActArgs {
  term: bigint;
  notAfterMs: bigint;
}

/** Begins the operator's transaction; every other call of it needs what this gives. */
export function beginAct(tx: Transaction, ids: OperatorIds, { term, notAfterMs }: ActArgs): Act {
  const limits = [term, notAfterMs].map((value) => tx.pure.u64(value));
  return call(tx, ids, 'operator::act', [ids.registryId, ids.enclaveId], limits);
}

/** The head of the enclave's own audit records, 32 bytes, and the hosts whose enclaves have all of the sealed state. */
export interface HeartbeatArgs {
  auditHead: Uint8Array;
  inSync: readonly string[];
}

/** States that this enclave lives, and has the chain state the heads of all logs. */
export function heartbeat(tx: Transaction, ids: OperatorIds, act: Act, args: HeartbeatArgs): void {
  const objects = [ids.workersId, ids.stakingId, ids.schedulerId].map((id) => tx.object(id));
  callPlain(tx, ids, 'heartbeat::heartbeat', [
    tx.object(ids.registryId),
    act,
    ...objects,
    bytes(tx, args.auditHead),
    tx.pure.vector('address', [...args.inSync]),
    tx.object(CLOCK_ID),
  ]);
}

/** How far the sealed state is durable: a position of the sealed log, the digest there (32 bytes), and its size. */
export interface AnchorArgs {
  generation: bigint;
  position: bigint;
  digest: Uint8Array;
  bytes: bigint;
}

/** Anchors the sealed state; no restart accepts an older one. */
export function anchorState(tx: Transaction, ids: OperatorIds, act: Act, args: AnchorArgs): void {
  acting(tx, ids, 'anchor::anchor_state', ids.registryId, act, [
    tx.pure.u64(args.generation),
    tx.pure.u64(args.position),
    bytes(tx, args.digest),
    tx.pure.u64(args.bytes),
  ]);
}

/** A worker whose node is ready, and the counter of the join that it came by. */
export interface ActivationArgs {
  nodeId: string;
  counter: bigint;
}

/** Says that a worker's node is ready. */
export function activateWorker(tx: Transaction, ids: OperatorIds, act: Act, args: ActivationArgs): void {
  workerCall(tx, ids, 'activate_worker', act, [tx.pure.string(args.nodeId), tx.pure.u64(args.counter)]);
}

/** Says a worker's status, one of `WORKER_STATUS`. */
export function setWorkerStatus(
  tx: Transaction,
  ids: OperatorIds,
  act: Act,
  args: { nodeId: string; status: number },
): void {
  workerCall(tx, ids, 'set_worker_status', act, [tx.pure.string(args.nodeId), tx.pure.u8(args.status)]);
}

/** Says that a request was applied and is on its way. */
export function startRequest(tx: Transaction, ids: OperatorIds, act: Act, requestId: bigint): void {
  requestCall(tx, ids, 'start_request', act, [tx.pure.u64(requestId)]);
}

/** Says that a request reached its goal. */
export function completeRequest(
  tx: Transaction,
  ids: OperatorIds,
  act: Act,
  args: { requestId: bigint; resultDigest: Uint8Array },
): void {
  const values = [tx.pure.u64(args.requestId), bytes(tx, args.resultDigest)];
  requestCall(tx, ids, 'complete_request', act, values);
}

/** A failure: why, in at most 256 bytes, and whether what was asked for is in the cluster all the same. */
export interface FailureArgs {
  requestId: bigint;
  reason: string;
  applied: boolean;
}

/** Says that a request cannot reach its goal. */
export function failRequest(tx: Transaction, ids: OperatorIds, act: Act, args: FailureArgs): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.string(args.reason), tx.pure.bool(args.applied)];
  requestCall(tx, ids, 'fail_request', act, values);
}

/** Says what became of a cancelled request, one of `CANCELLATION_OUTCOME`; the first word counts. */
export function settleCancelledRequest(
  tx: Transaction,
  ids: OperatorIds,
  act: Act,
  args: { requestId: bigint; outcome: number },
): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.u8(args.outcome)];
  requestCall(tx, ids, 'settle_cancelled_request', act, values);
}

/** Says which workers run what a request asked for, at most 16. */
export function assignWorkers(
  tx: Transaction,
  ids: OperatorIds,
  act: Act,
  args: { requestId: bigint; nodeIds: readonly string[] },
): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.vector('string', [...args.nodeIds])];
  requestCall(tx, ids, 'assign_worker', act, values);
}

function workerCall(tx: Transaction, ids: OperatorIds, name: string, act: Act, args: Arguments): void {
  acting(tx, ids, `worker_registry::${name}`, ids.workersId, act, args);
}

function requestCall(tx: Transaction, ids: OperatorIds, name: string, act: Act, args: Arguments): void {
  acting(tx, ids, `k8s_scheduler::${name}`, ids.schedulerId, act, args);
}

/** Adds `(object, act, …values, clock)`. */
function acting(
  tx: Transaction,
  ids: OperatorIds,
  name: string,
  objectId: string,
  act: Act,
  values: Arguments,
): void {
  callPlain(tx, ids, name, [tx.object(objectId), act, ...values, tx.object(CLOCK_ID)]);
}
