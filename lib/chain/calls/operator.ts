/** What an enclave calls: it registers, and speaks as the operator once it is in the seat. */
import type { Transaction } from '@mysten/sui/transactions';
import { CLOCK_ID } from '../clock.ts';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, strings } from './call.ts';

/** What an operator's call needs: the contracts and the enclave in the seat. */
export type SeatIds = ContractIds & { enclaveId: string };

/** Gives the sender a ticket; its id is the nonce of the attestation document. */
export function openRegistration(tx: Transaction, ids: ContractIds): void {
  const target = `${ids.packageId}::enclave_registry::open_registration`;
  tx.moveCall({ target, arguments: [tx.object(ids.registryId)] });
}

/** What an enclave registers with. */
export interface RegistrationArgs {
  ticketId: string;
  document: Uint8Array;
  tlsSpkiSha256: Uint8Array;
  caSha256: Uint8Array;
  hpkePublicKey: Uint8Array;
  bootId: Uint8Array;
  clusterCidr: string;
  serviceCidr: string;
}

/** Has the chain verify the document and registers its enclave, in one transaction. */
export function registerEnclave(tx: Transaction, ids: ContractIds, args: RegistrationArgs): void {
  const document = tx.moveCall({
    target: '0x2::nitro_attestation::load_nitro_attestation',
    arguments: [bytes(tx, args.document), tx.object(CLOCK_ID)],
  });
  const { tlsSpkiSha256, caSha256, hpkePublicKey, bootId, clusterCidr, serviceCidr } = args;
  call(
    tx,
    ids,
    'enclave_registry::register_enclave',
    [ids.registryId, args.ticketId],
    [
      document,
      ...[tlsSpkiSha256, caSha256, hpkePublicKey, bootId].map((value) => bytes(tx, value)),
      ...strings(tx, [clusterCidr, serviceCidr]),
    ],
  );
}

/** States that this enclave lives, and has the chain state the heads of all logs. */
export function heartbeat(tx: Transaction, ids: SeatIds, auditHead: Uint8Array): void {
  const { registryId, enclaveId, workersId, stakingId, schedulerId } = ids;
  const objects = [registryId, enclaveId, workersId, stakingId, schedulerId];
  call(tx, ids, 'heartbeat::heartbeat', objects, [bytes(tx, auditHead)]);
}

/** Says that a worker's node is ready. */
export function activateWorker(tx: Transaction, ids: SeatIds, nodeId: string): void {
  workerCall(tx, ids, 'activate_worker', strings(tx, [nodeId]));
}

/** Sets a worker's status, one of `WORKER_STATUS`. */
export function setWorkerStatus(
  tx: Transaction,
  ids: SeatIds,
  args: { nodeId: string; status: number },
): void {
  workerCall(tx, ids, 'set_worker_status', [tx.pure.string(args.nodeId), tx.pure.u8(args.status)]);
}

/** Hands a worker its join credential, encrypted to its seal token. */
export function setJoinToken(
  tx: Transaction,
  ids: SeatIds,
  args: { nodeId: string; ciphertext: Uint8Array },
): void {
  workerCall(tx, ids, 'set_join_token', [tx.pure.string(args.nodeId), bytes(tx, args.ciphertext)]);
}

/** A slash: reason 1 forged status, 3 double identity; share in hundredths of a per cent. */
export interface SlashArgs {
  nodeId: string;
  reason: number;
  /** 32 bytes. */
  evidenceDigest: Uint8Array;
  shareBps: bigint;
}

/** Takes a share of a worker's stake. */
export function slash(tx: Transaction, ids: SeatIds, args: SlashArgs): void {
  const { nodeId, reason, evidenceDigest, shareBps } = args;
  workerCall(tx, ids, 'slash', [
    tx.pure.string(nodeId),
    tx.pure.u8(reason),
    bytes(tx, evidenceDigest),
    tx.pure.u64(shareBps),
  ]);
}

/** Says that a request was applied and is on its way. */
export function startRequest(tx: Transaction, ids: SeatIds, requestId: bigint): void {
  requestCall(tx, ids, 'start_request', [tx.pure.u64(requestId)]);
}

/** Says that a request reached its goal. */
export function completeRequest(
  tx: Transaction,
  ids: SeatIds,
  args: { requestId: bigint; resultDigest: Uint8Array },
): void {
  requestCall(tx, ids, 'complete_request', [tx.pure.u64(args.requestId), bytes(tx, args.resultDigest)]);
}

/** A failure: why, in at most 256 bytes, and whether what was asked for is in the cluster all the same. */
export interface FailureArgs {
  requestId: bigint;
  reason: string;
  applied: boolean;
}

/** Says that a request cannot reach its goal. */
export function failRequest(tx: Transaction, ids: SeatIds, args: FailureArgs): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.string(args.reason), tx.pure.bool(args.applied)];
  requestCall(tx, ids, 'fail_request', values);
}

/** Says what became of a cancelled request, one of `CANCELLATION_OUTCOME`; the chain takes it once. */
export function settleCancelledRequest(
  tx: Transaction,
  ids: SeatIds,
  args: { requestId: bigint; outcome: number },
): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.u8(args.outcome)];
  requestCall(tx, ids, 'settle_cancelled_request', values);
}

/** Gives a request that is not done to the worker with the least load. */
export function reassignRequest(tx: Transaction, ids: SeatIds, requestId: bigint): void {
  const { schedulerId, workersId, registryId, enclaveId } = ids;
  const objects = [schedulerId, workersId, registryId, enclaveId];
  call(tx, ids, 'k8s_scheduler::reassign_request', objects, [tx.pure.u64(requestId)]);
}

function workerCall(tx: Transaction, ids: SeatIds, name: string, args: Arguments): void {
  call(tx, ids, `worker_registry::${name}`, [ids.workersId, ids.registryId, ids.enclaveId], args);
}

function requestCall(tx: Transaction, ids: SeatIds, name: string, args: Arguments): void {
  call(tx, ids, `k8s_scheduler::${name}`, [ids.schedulerId, ids.registryId, ids.enclaveId], args);
}
