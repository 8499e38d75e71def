import { bcs } from '@mysten/sui/bcs';
import type { Transaction, TransactionArgument } from '@mysten/sui/transactions';
import type { ContractIds, Deployment } from './deployment.ts';

const CLOCK = '0x6';

/** A payment: MIST to split from the gas coin, or a coin that a command of the same transaction made. */
export type Payment = bigint | TransactionArgument;

/** What an admin's call needs: the contracts and the capability. */
export type AdminIds = ContractIds & { adminCapId: string };

/** What an operator's call needs: the contracts and the enclave in the seat. */
export type SeatIds = ContractIds & { enclaveId: string };

/** What the calls of a worker's owner need. */
export type OwnerIds = Pick<ContractIds, 'packageId' | 'workersId'>;

/** Asserts that a deployment names its admin capability, as the admin's copy does. */
export function isAdmin(deployment: Deployment): deployment is Deployment & AdminIds {
  return deployment.adminCapId !== undefined;
}

type Arguments = TransactionArgument[];

function call(tx: Transaction, ids: Pick<ContractIds, 'packageId'>, name: string, args: Arguments): void {
  tx.moveCall({ target: `${ids.packageId}::${name}`, arguments: args });
}

function bytes(tx: Transaction, value: Uint8Array): TransactionArgument {
  return tx.pure(bcs.byteVector().serialize(value));
}

function strings(tx: Transaction, values: string[]): Arguments {
  return values.map((value) => tx.pure.string(value));
}

/** A coin of its own for a contract that takes all of it. */
function coin(tx: Transaction, payment: Payment): TransactionArgument {
  return typeof payment === 'bigint' ? tx.splitCoins(tx.gas, [payment])[0]! : payment;
}

// enclave_registry: the admin

/** A measurement to propose: PCRs of 48 bytes. */
export interface MeasurementArgs {
  version: string;
  pcr0: Uint8Array;
  pcr1: Uint8Array;
  pcr2: Uint8Array;
}

export function proposeMeasurement(tx: Transaction, ids: AdminIds, args: MeasurementArgs): void {
  const pcrs = [args.pcr0, args.pcr1, args.pcr2].map((pcr) => bytes(tx, pcr));
  adminCall(tx, ids, 'propose_measurement', [tx.pure.string(args.version), ...pcrs]);
}

export function retireMeasurement(tx: Transaction, ids: AdminIds, version: string): void {
  adminCall(tx, ids, 'retire_measurement', [tx.pure.string(version)]);
}

/** What enclaves must have been started with. */
export interface ConfigArgs {
  chainId: string;
  packageId: string;
  /** 32 bytes. */
  committeeDigest: Uint8Array;
  committeeEpoch: bigint;
}

export function setConfig(tx: Transaction, ids: AdminIds, args: ConfigArgs): void {
  adminCall(tx, ids, 'set_config', [
    tx.pure.string(args.chainId),
    tx.pure.address(args.packageId),
    bytes(tx, args.committeeDigest),
    tx.pure.u64(args.committeeEpoch),
  ]);
}

export function appointHost(tx: Transaction, ids: AdminIds, host: string): void {
  adminCall(tx, ids, 'appoint_host', [tx.pure.address(host)]);
}

export function revokeSeat(tx: Transaction, ids: AdminIds): void {
  adminCall(tx, ids, 'revoke_seat', []);
}

function adminCall(tx: Transaction, ids: AdminIds, name: string, args: Arguments): void {
  const objects = [tx.object(ids.registryId), tx.object(ids.adminCapId)];
  call(tx, ids, `enclave_registry::${name}`, [...objects, ...args, tx.object(CLOCK)]);
}

// enclave_registry: enclaves and their host

/** Gives the sender a ticket; its id is the nonce of the attestation document. */
export function openRegistration(tx: Transaction, ids: ContractIds): void {
  call(tx, ids, 'enclave_registry::open_registration', [tx.object(ids.registryId)]);
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
    arguments: [bytes(tx, args.document), tx.object(CLOCK)],
  });
  const keys = [args.tlsSpkiSha256, args.caSha256, args.hpkePublicKey, args.bootId];
  call(tx, ids, 'enclave_registry::register_enclave', [
    tx.object(ids.registryId),
    tx.object(args.ticketId),
    document,
    ...keys.map((key) => bytes(tx, key)),
    ...[args.clusterCidr, args.serviceCidr].map((range) => tx.pure.string(range)),
    tx.object(CLOCK),
  ]);
}

/** Puts an enclave into the seat. For the appointed host account. */
export function takeSeat(tx: Transaction, ids: ContractIds, enclaveId: string): void {
  const objects = [ids.registryId, enclaveId, CLOCK].map((id) => tx.object(id));
  call(tx, ids, 'enclave_registry::take_seat', objects);
}

/** States the heads of all logs. For the operator. */
export function heartbeat(tx: Transaction, ids: SeatIds, auditHead: Uint8Array): void {
  const { registryId, enclaveId, workersId, stakingId, schedulerId } = ids;
  const objects = [registryId, enclaveId, workersId, stakingId, schedulerId].map((id) => tx.object(id));
  call(tx, ids, 'heartbeat::heartbeat', [...objects, bytes(tx, auditHead), tx.object(CLOCK)]);
}

// worker_registry: the admin

/** Proposes the least stake of new workers, in MIST. */
export function proposeMinStake(tx: Transaction, ids: AdminIds, minStake: bigint): void {
  const objects = [ids.workersId, ids.registryId, ids.adminCapId].map((id) => tx.object(id));
  call(tx, ids, 'worker_registry::propose_min_stake', [...objects, tx.pure.u64(minStake), tx.object(CLOCK)]);
}

// worker_registry: owners

/** Registers a worker of the sender; the payment is its stake. */
export function stakeAndRegisterWorker(
  tx: Transaction,
  ids: OwnerIds,
  args: { stake: Payment; nodeId: string; sealToken: string },
): void {
  const values = [coin(tx, args.stake), ...strings(tx, [args.nodeId, args.sealToken])];
  ownerCall(tx, ids, 'stake_and_register_worker', values);
}

export function refreshSealToken(
  tx: Transaction,
  ids: OwnerIds,
  args: { nodeId: string; sealToken: string },
): void {
  ownerCall(tx, ids, 'refresh_seal_token', strings(tx, [args.nodeId, args.sealToken]));
}

export function drainWorker(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'drain_worker', strings(tx, [nodeId]));
}

/** Takes back a drain. */
export function resumeWorker(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'resume_worker', strings(tx, [nodeId]));
}

export function leave(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'leave', strings(tx, [nodeId]));
}

export function addStake(tx: Transaction, ids: OwnerIds, args: { stake: Payment; nodeId: string }): void {
  ownerCall(tx, ids, 'add_stake', [coin(tx, args.stake), ...strings(tx, [args.nodeId])]);
}

/** Brings a slashed worker back to pending. */
export function reinstate(
  tx: Transaction,
  ids: OwnerIds,
  args: { stake: Payment; nodeId: string; sealToken: string },
): void {
  ownerCall(tx, ids, 'reinstate', [coin(tx, args.stake), ...strings(tx, [args.nodeId, args.sealToken])]);
}

export function requestWorkerWithdraw(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'request_withdraw', strings(tx, [nodeId]));
}

export function withdrawWorkerStake(tx: Transaction, ids: OwnerIds, nodeId: string): void {
  ownerCall(tx, ids, 'withdraw', strings(tx, [nodeId]));
}

function ownerCall(tx: Transaction, ids: OwnerIds, name: string, args: Arguments): void {
  call(tx, ids, `worker_registry::${name}`, [tx.object(ids.workersId), ...args, tx.object(CLOCK)]);
}

// worker_registry: the operator

export function activateWorker(tx: Transaction, ids: SeatIds, nodeId: string): void {
  operatorCall(tx, ids, 'worker_registry::activate_worker', ids.workersId, strings(tx, [nodeId]));
}

export function setWorkerStatus(
  tx: Transaction,
  ids: SeatIds,
  args: { nodeId: string; status: number },
): void {
  const values = [tx.pure.string(args.nodeId), tx.pure.u8(args.status)];
  operatorCall(tx, ids, 'worker_registry::set_worker_status', ids.workersId, values);
}

export function setJoinToken(
  tx: Transaction,
  ids: SeatIds,
  args: { nodeId: string; ciphertext: Uint8Array },
): void {
  const values = [tx.pure.string(args.nodeId), bytes(tx, args.ciphertext)];
  operatorCall(tx, ids, 'worker_registry::set_join_token', ids.workersId, values);
}

/** A slash: reason 1 forged status, 2 escape attempt, 3 double identity; share in hundredths of a per cent. */
export interface SlashArgs {
  nodeId: string;
  reason: number;
  /** 32 bytes. */
  evidenceDigest: Uint8Array;
  shareBps: bigint;
}

export function slash(tx: Transaction, ids: SeatIds, args: SlashArgs): void {
  const { nodeId, reason, evidenceDigest, shareBps } = args;
  const values = [
    tx.pure.string(nodeId),
    tx.pure.u8(reason),
    bytes(tx, evidenceDigest),
    tx.pure.u64(shareBps),
  ];
  operatorCall(tx, ids, 'worker_registry::slash', ids.workersId, values);
}

// staking: the admin

/** The least stake of each role, in MIST. */
export interface RoleStakeArgs {
  viewer: bigint;
  developer: bigint;
  admin: bigint;
  super: bigint;
}

/** Proposes what roles take. */
export function proposeRoleStakes(tx: Transaction, ids: AdminIds, stakes: RoleStakeArgs): void {
  const objects = [ids.stakingId, ids.registryId, ids.adminCapId].map((id) => tx.object(id));
  const values = [stakes.viewer, stakes.developer, stakes.admin, stakes.super].map((mist) =>
    tx.pure.u64(mist),
  );
  call(tx, ids, 'staking::propose_role_stakes', [...objects, ...values, tx.object(CLOCK)]);
}

// staking: users

export function stake(tx: Transaction, ids: ContractIds, payment: Payment): void {
  userCall(tx, ids, 'stake', [coin(tx, payment)]);
}

export function restake(tx: Transaction, ids: ContractIds, payment: Payment): void {
  userCall(tx, ids, 'restake', [coin(tx, payment)]);
}

/** Starts the waiting time of `amount` MIST. */
export function requestWithdraw(tx: Transaction, ids: ContractIds, amount: bigint): void {
  userCall(tx, ids, 'request_withdraw', [tx.pure.u64(amount)]);
}

export function withdraw(tx: Transaction, ids: ContractIds): void {
  userCall(tx, ids, 'withdraw', []);
}

/** A namespace of the sender's by its full name, and who is meant. */
export interface GrantArgs {
  namespace: string;
  user: string;
}

/** Gives another a role: 1 viewer, 2 developer, 3 admin. */
export function grantRole(tx: Transaction, ids: ContractIds, args: GrantArgs & { role: number }): void {
  const { namespace, user, role } = args;
  userCall(tx, ids, 'grant_role', [tx.pure.string(namespace), tx.pure.address(user), tx.pure.u8(role)]);
}

/** Takes back what the sender granted. */
export function revokeRole(tx: Transaction, ids: ContractIds, { namespace, user }: GrantArgs): void {
  userCall(tx, ids, 'revoke_role', [tx.pure.string(namespace), tx.pure.address(user)]);
}

function userCall(tx: Transaction, ids: ContractIds, name: string, args: Arguments): void {
  call(tx, ids, `staking::${name}`, [tx.object(ids.stakingId), ...args, tx.object(CLOCK)]);
}

// k8s_scheduler: users

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

export function submitK8sRequest(tx: Transaction, ids: ContractIds, args: RequestArgs): void {
  const { method, path, name, labels, namespace, containerName, image, port, requester } = args;
  const texts = [method, path, name, labels, namespace, containerName, image, port];
  submit(tx, ids, 'submit_k8s_request', [...strings(tx, texts), tx.pure.address(requester)]);
}

/** A request for an object by its JSON, at most 8 KiB. */
export interface ManifestArgs {
  method: string;
  path: string;
  namespace: string;
  manifest: Uint8Array;
}

export function submitManifest(tx: Transaction, ids: ContractIds, args: ManifestArgs): void {
  const texts = strings(tx, [args.method, args.path, args.namespace]);
  submit(tx, ids, 'submit_manifest', [...texts, bytes(tx, args.manifest)]);
}

/** A request for an object by the digest of its JSON, which a Walrus blob holds; 32 bytes each. */
export interface ManifestReferenceArgs extends Omit<ManifestArgs, 'manifest'> {
  digest: Uint8Array;
  blobId: Uint8Array;
}

export function submitManifestReference(
  tx: Transaction,
  ids: ContractIds,
  args: ManifestReferenceArgs,
): void {
  const texts = strings(tx, [args.method, args.path, args.namespace]);
  const values = [args.digest, args.blobId].map((value) => bytes(tx, value));
  submit(tx, ids, 'submit_manifest_reference', [...texts, ...values]);
}

/** Withdraws a request that is not done. For its requester and the owner of its namespace. */
export function cancelRequest(tx: Transaction, ids: ContractIds, requestId: bigint): void {
  const args = [tx.object(ids.schedulerId), tx.pure.u64(requestId), tx.object(CLOCK)];
  call(tx, ids, 'k8s_scheduler::cancel_request', args);
}

function submit(tx: Transaction, ids: ContractIds, name: string, args: Arguments): void {
  const objects = [ids.schedulerId, ids.workersId, ids.stakingId].map((id) => tx.object(id));
  call(tx, ids, `k8s_scheduler::${name}`, [...objects, ...args, tx.object(CLOCK)]);
}

// k8s_scheduler: the operator

export function startRequest(tx: Transaction, ids: SeatIds, requestId: bigint): void {
  operatorCall(tx, ids, 'k8s_scheduler::start_request', ids.schedulerId, [tx.pure.u64(requestId)]);
}

export function completeRequest(
  tx: Transaction,
  ids: SeatIds,
  args: { requestId: bigint; resultDigest: Uint8Array },
): void {
  const values = [tx.pure.u64(args.requestId), bytes(tx, args.resultDigest)];
  operatorCall(tx, ids, 'k8s_scheduler::complete_request', ids.schedulerId, values);
}

/** A failure: why, in at most 256 bytes, and whether what was asked for is in the cluster all the same. */
export interface FailureArgs {
  requestId: bigint;
  reason: string;
  applied: boolean;
}

export function failRequest(tx: Transaction, ids: SeatIds, args: FailureArgs): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.string(args.reason), tx.pure.bool(args.applied)];
  operatorCall(tx, ids, 'k8s_scheduler::fail_request', ids.schedulerId, values);
}

/** Says what became of a cancelled request: 0 nothing was applied, 1 what it created was removed, 2 what it changed stays. */
export function settleCancelledRequest(
  tx: Transaction,
  ids: SeatIds,
  args: { requestId: bigint; outcome: number },
): void {
  const values = [tx.pure.u64(args.requestId), tx.pure.u8(args.outcome)];
  operatorCall(tx, ids, 'k8s_scheduler::settle_cancelled_request', ids.schedulerId, values);
}

/** Gives a request that is not done to the worker with the least load. */
export function reassignRequest(tx: Transaction, ids: SeatIds, requestId: bigint): void {
  const { schedulerId, workersId, registryId, enclaveId } = ids;
  const objects = [schedulerId, workersId, registryId, enclaveId].map((id) => tx.object(id));
  call(tx, ids, 'k8s_scheduler::reassign_request', [...objects, tx.pure.u64(requestId), tx.object(CLOCK)]);
}

/** `(object, registry, enclave, …values, clock)`: what operator functions take. */
function operatorCall(tx: Transaction, ids: SeatIds, name: string, object: string, args: Arguments): void {
  const objects = [object, ids.registryId, ids.enclaveId].map((id) => tx.object(id));
  call(tx, ids, name, [...objects, ...args, tx.object(CLOCK)]);
}

// image_registry

/** What an image's owner needs. */
export type ImageIds = Pick<ContractIds, 'packageId'> & { imagesId: string };

/** An image: digest of its manifest and Walrus blob id, 32 bytes each. */
export interface ImageArgs {
  name: string;
  tag: string;
  digest: Uint8Array;
  blobId: Uint8Array;
}

/** Says which image a tag means; a name that nobody has becomes the sender's. */
export function publishImage(tx: Transaction, ids: ImageIds, args: ImageArgs): void {
  const values = [args.digest, args.blobId].map((value) => bytes(tx, value));
  imageCall(tx, ids, 'publish_image', [...strings(tx, [args.name, args.tag]), ...values]);
}

export function removeImage(tx: Transaction, ids: ImageIds, args: { name: string; tag: string }): void {
  imageCall(tx, ids, 'remove_image', strings(tx, [args.name, args.tag]));
}

/** Gives a name with all its tags to another account. */
export function transferImageName(
  tx: Transaction,
  ids: ImageIds,
  args: { name: string; newOwner: string },
): void {
  const values = [tx.pure.string(args.name), tx.pure.address(args.newOwner)];
  imageCall(tx, ids, 'transfer_name', values);
}

function imageCall(tx: Transaction, ids: ImageIds, name: string, args: Arguments): void {
  call(tx, ids, `image_registry::${name}`, [tx.object(ids.imagesId), ...args, tx.object(CLOCK)]);
}
