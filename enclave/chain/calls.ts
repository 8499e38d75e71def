import type { Transaction, TransactionResult } from '@mysten/sui/transactions';

const CLOCK = '0x6';

/** The ids by which the contracts are called. */
export interface ClusterIds {
  readonly packageId: string;
  readonly registryId: string;
  readonly workersId: string;
  readonly stakingId: string;
  readonly schedulerId: string;
}

/** What an operator's call needs beside its own arguments: the contracts and the enclave in the seat. */
export interface Seat extends ClusterIds {
  readonly enclaveId: string;
}

/** Asks for a registration ticket; its id is the nonce of the attestation document. */
export function openRegistration(tx: Transaction, ids: ClusterIds): void {
  tx.moveCall({
    target: `${ids.packageId}::enclave_registry::open_registration`,
    arguments: [tx.object(ids.registryId)],
  });
}

/** What an enclave registers with, beside its attestation document. */
export interface RegistrationFields {
  readonly ticketId: string;
  readonly document: Uint8Array;
  readonly tlsSpkiSha256: Uint8Array;
  readonly caSha256: Uint8Array;
  readonly hpkePublicKey: Uint8Array;
  readonly bootId: Uint8Array;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
}

/** Has the chain verify the attestation document and registers its enclave, in one transaction. */
export function registerEnclave(tx: Transaction, ids: ClusterIds, fields: RegistrationFields): void {
  const document = tx.moveCall({
    target: '0x2::nitro_attestation::load_nitro_attestation',
    arguments: [bytes(tx, fields.document), tx.object(CLOCK)],
  }) as TransactionResult;
  const { tlsSpkiSha256, caSha256, hpkePublicKey, bootId, clusterCidr, serviceCidr } = fields;
  tx.moveCall({
    target: `${ids.packageId}::enclave_registry::register_enclave`,
    arguments: [
      tx.object(ids.registryId),
      tx.object(fields.ticketId),
      document,
      ...[tlsSpkiSha256, caSha256, hpkePublicKey, bootId].map((value) => bytes(tx, value)),
      ...[clusterCidr, serviceCidr].map((range) => tx.pure.string(range)),
      tx.object(CLOCK),
    ],
  });
}

/** States on chain that this enclave lives, and has the chain state the heads of all logs. */
export function heartbeat(tx: Transaction, seat: Seat, auditHead: Uint8Array): void {
  const { registryId, enclaveId, workersId, stakingId, schedulerId } = seat;
  const objects = [registryId, enclaveId, workersId, stakingId, schedulerId].map((id) => tx.object(id));
  tx.moveCall({
    target: `${seat.packageId}::heartbeat::heartbeat`,
    arguments: [...objects, bytes(tx, auditHead), tx.object(CLOCK)],
  });
}

/** Marks a worker as active: its node is ready. */
export function activateWorker(tx: Transaction, seat: Seat, nodeId: string): void {
  operatorCall(tx, seat, 'worker_registry::activate_worker', seat.workersId, [tx.pure.string(nodeId)]);
}

/** Sets a worker's status, such as offline. */
export function setWorkerStatus(tx: Transaction, seat: Seat, nodeId: string, status: number): void {
  const values = [tx.pure.string(nodeId), tx.pure.u8(status)];
  operatorCall(tx, seat, 'worker_registry::set_worker_status', seat.workersId, values);
}

/** Says that a request was applied and is on its way. */
export function startRequest(tx: Transaction, seat: Seat, requestId: bigint): void {
  operatorCall(tx, seat, 'k8s_scheduler::start_request', seat.schedulerId, [tx.pure.u64(requestId)]);
}

/** Says that a request reached its goal. */
export function completeRequest(
  tx: Transaction,
  seat: Seat,
  requestId: bigint,
  resultDigest: Uint8Array,
): void {
  const values = [tx.pure.u64(requestId), bytes(tx, resultDigest)];
  operatorCall(tx, seat, 'k8s_scheduler::complete_request', seat.schedulerId, values);
}

/** Why a request cannot reach its goal, and whether what it asked for is in the cluster all the same. */
export interface Failure {
  /** At most 256 bytes. */
  readonly reason: string;
  readonly applied: boolean;
}

/** Says that a request cannot reach its goal. */
export function failRequest(tx: Transaction, seat: Seat, requestId: bigint, failure: Failure): void {
  const values = [tx.pure.u64(requestId), tx.pure.string(failure.reason), tx.pure.bool(failure.applied)];
  operatorCall(tx, seat, 'k8s_scheduler::fail_request', seat.schedulerId, values);
}

/** Says what became of a cancelled request, one of `CANCELLATION_OUTCOME`; the chain takes it once. */
export function settleCancelledRequest(
  tx: Transaction,
  seat: Seat,
  requestId: bigint,
  outcome: number,
): void {
  const values = [tx.pure.u64(requestId), tx.pure.u8(outcome)];
  operatorCall(tx, seat, 'k8s_scheduler::settle_cancelled_request', seat.schedulerId, values);
}

type Argument = ReturnType<Transaction['pure']>;

/** `(object, registry, enclave, …values, clock)`: what every operator function takes. */
function operatorCall(tx: Transaction, seat: Seat, name: string, object: string, values: Argument[]): void {
  tx.moveCall({
    target: `${seat.packageId}::${name}`,
    arguments: [
      ...[object, seat.registryId, seat.enclaveId].map((id) => tx.object(id)),
      ...values,
      tx.object(CLOCK),
    ],
  });
}

function bytes(tx: Transaction, value: Uint8Array): Argument {
  return tx.pure.vector('u8', value);
}
