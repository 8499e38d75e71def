/** What the holder of the admin capability calls. */
import { bcs } from '@mysten/sui/bcs';
import type { Transaction, TransactionArgument } from '@mysten/sui/transactions';
import type { ContractIds, Deployment } from '../deployment.ts';
import { type Arguments, bytes, call, callPlain, numbers, strings } from './call.ts';

/** What an admin's call needs: the contracts and the capability. */
export type AdminIds = ContractIds & { adminCapId: string };

/** Asserts that a deployment names its admin capability, as the admin's copy does. */
export function isAdmin(deployment: Deployment): deployment is Deployment & AdminIds {
  return deployment.adminCapId !== undefined;
}

/** What a cluster is made with, for good but for the public configuration. */
export interface ClusterArgs {
  /** The package's own, fresh from publishing; the registry keeps it. */
  upgradeCap: TransactionArgument;
  /** How long proposals wait, in ms: 0, or longer than 7 days and at most 90. */
  delayMs: bigint;
  /** Addresses of pods and of Services, such as `10.32.0.0/12`. */
  clusterCidr: string;
  serviceCidr: string;
  publicConfig: PublicConfigArgs;
}

/** Makes the cluster of a package: its shared objects, and the admin capability for the sender. */
export function createCluster(tx: Transaction, ids: Pick<ContractIds, 'packageId'>, args: ClusterArgs): void {
  callPlain(tx, ids, 'cluster::create_cluster', [
    args.upgradeCap,
    tx.pure.u64(args.delayMs),
    ...strings(tx, [args.clusterCidr, args.serviceCidr]),
    ...publicConfig(tx, args.publicConfig),
  ]);
}

/** A measurement to propose: PCRs of 48 bytes. */
export interface MeasurementArgs {
  version: string;
  pcr0: Uint8Array;
  pcr1: Uint8Array;
  pcr2: Uint8Array;
  /** SHA-256 of the release that the image is built from. */
  releaseDigest: Uint8Array;
  /** Format of the sealed state that the image reads. */
  stateFormat: bigint;
}

/** Proposes an image; it is admitted when the delay is over. */
export function proposeMeasurement(tx: Transaction, ids: AdminIds, args: MeasurementArgs): void {
  const digests = [args.pcr0, args.pcr1, args.pcr2, args.releaseDigest].map((value) => bytes(tx, value));
  registryCall(tx, ids, 'propose_measurement', [
    tx.pure.string(args.version),
    ...digests,
    tx.pure.u64(args.stateFormat),
  ]);
}

/** Admits an image no longer; a compromised one also means new certificate authorities. */
export function retireMeasurement(
  tx: Transaction,
  ids: AdminIds,
  args: { version: string; compromised: boolean },
): void {
  registryCall(tx, ids, 'retire_measurement', [tx.pure.string(args.version), tx.pure.bool(args.compromised)]);
}

/** What enclaves must have been started with. */
export interface ConfigArgs {
  chainId: string;
  packageId: string;
  /** 32 bytes. */
  committeeDigest: Uint8Array;
  committeeEpoch: bigint;
}

/** Says what enclaves that register from now on must have been started with. */
export function setConfig(tx: Transaction, ids: AdminIds, args: ConfigArgs): void {
  registryCall(tx, ids, 'set_config', [
    tx.pure.string(args.chainId),
    tx.pure.address(args.packageId),
    bytes(tx, args.committeeDigest),
    tx.pure.u64(args.committeeEpoch),
  ]);
}

/** Adds a seat for an account, which may put its enclave there. */
export function appointHost(tx: Transaction, ids: AdminIds, host: string): void {
  registryCall(tx, ids, 'appoint_host', [tx.pure.address(host)]);
}

/** Takes an account's seat away, at once. */
export function revokeSeat(tx: Transaction, ids: AdminIds, host: string): void {
  registryCall(tx, ids, 'revoke_seat', [tx.pure.address(host)]);
}

/** Proposes that the identity of the cluster count as none, so that an enclave may start empty. */
export function beginAnew(tx: Transaction, ids: AdminIds): void {
  registryCall(tx, ids, 'begin_anew', []);
}

/** A sealed state by its place in the sealed log and its digest, 32 bytes. */
export interface StateArgs {
  position: bigint;
  digest: Uint8Array;
}

/** Proposes to go on from an older state than the anchored one, which is lost. */
export function acceptState(tx: Transaction, ids: AdminIds, args: StateArgs): void {
  registryCall(tx, ids, 'accept_state', [tx.pure.u64(args.position), bytes(tx, args.digest)]);
}

/** What gateways need to serve apps; all may be empty, and an empty root is the public PKI. */
export interface PublicConfigArgs {
  appsDomain: string;
  acmeDirectory: string;
  /** DER of at most 4,096 bytes. */
  acmeRoot: Uint8Array;
}

/** Proposes under which domain apps are served, and whose certificates they have. */
export function setPublicConfig(tx: Transaction, ids: AdminIds, args: PublicConfigArgs): void {
  registryCall(tx, ids, 'set_public_config', publicConfig(tx, args));
}

/** Which key servers guard the state keys, at most 16, and how many of them it takes. */
export interface SealConfigArgs {
  threshold: number;
  servers: readonly { id: string; publicKey: Uint8Array; url: string }[];
}

/** Proposes other key servers. */
export function setSealConfig(tx: Transaction, ids: AdminIds, { threshold, servers }: SealConfigArgs): void {
  const keys = bcs.vector(bcs.byteVector()).serialize(servers.map(({ publicKey }) => publicKey));
  registryCall(tx, ids, 'set_seal_config', [
    tx.pure.u8(threshold),
    tx.pure.vector(
      'address',
      servers.map(({ id }) => id),
    ),
    tx.pure(keys),
    tx.pure.vector(
      'string',
      servers.map(({ url }) => url),
    ),
  ]);
}

/** Proposes the market that counts. */
export function setMarket(tx: Transaction, ids: AdminIds, marketId: string): void {
  registryCall(tx, ids, 'set_market', [tx.pure.address(marketId)]);
}

/** Proposes to upgrade the package to the one of that digest, 32 bytes. */
export function proposeUpgrade(tx: Transaction, ids: AdminIds, digest: Uint8Array): void {
  registryCall(tx, ids, 'propose_upgrade', [bytes(tx, digest)]);
}

/** Takes a proposed upgrade back. */
export function withdrawUpgrade(tx: Transaction, ids: AdminIds): void {
  plainCall(tx, ids, 'withdraw_upgrade');
}

/** A package as it is compiled, and the digest under which it was proposed. */
export interface UpgradeArgs {
  digest: Uint8Array;
  modules: readonly Uint8Array[];
  dependencies: readonly string[];
}

/** Upgrades the package to what was proposed; shared objects are migrated afterwards. */
export function upgrade(tx: Transaction, ids: AdminIds, args: UpgradeArgs): void {
  const ticket = registryCall(tx, ids, 'authorize_upgrade', [bytes(tx, args.digest)]);
  const receipt = tx.upgrade({
    modules: args.modules.map((module) => [...module]),
    dependencies: [...args.dependencies],
    package: ids.packageId,
    ticket,
  });
  callPlain(tx, ids, 'enclave_registry::commit_upgrade', [tx.object(ids.registryId), receipt]);
}

/** Has all shared objects know the package's present version alone. */
export function migrate(tx: Transaction, ids: AdminIds & { imagesId: string }): void {
  plainCall(tx, ids, 'migrate');
  const objects = {
    worker_registry: ids.workersId,
    staking: ids.stakingId,
    k8s_scheduler: ids.schedulerId,
    image_registry: ids.imagesId,
  };
  for (const [module, id] of Object.entries(objects)) {
    const given = [id, ids.registryId, ids.adminCapId].map((object) => tx.object(object));
    callPlain(tx, ids, `${module}::migrate`, given);
  }
}

function registryCall(tx: Transaction, ids: AdminIds, name: string, args: Arguments) {
  return call(tx, ids, `enclave_registry::${name}`, [ids.registryId, ids.adminCapId], args);
}

/** Of a function of the registry that has no use for the time. */
function plainCall(tx: Transaction, ids: AdminIds, name: string): void {
  const given = [ids.registryId, ids.adminCapId].map((id) => tx.object(id));
  callPlain(tx, ids, `enclave_registry::${name}`, given);
}

function publicConfig(tx: Transaction, args: PublicConfigArgs): Arguments {
  return [...strings(tx, [args.appsDomain, args.acmeDirectory]), bytes(tx, args.acmeRoot)];
}

/** Proposes the least stake of new workers, in MIST. */
export function proposeMinStake(tx: Transaction, ids: AdminIds, minStake: bigint): void {
  const objects = [ids.workersId, ids.registryId, ids.adminCapId];
  call(tx, ids, 'worker_registry::propose_min_stake', objects, [tx.pure.u64(minStake)]);
}

/** The least stake of each role, in MIST. */
export interface RoleStakeArgs {
  viewer: bigint;
  developer: bigint;
  admin: bigint;
  super: bigint;
}

/** Proposes what roles take. */
export function proposeRoleStakes(tx: Transaction, ids: AdminIds, stakes: RoleStakeArgs): void {
  const objects = [ids.stakingId, ids.registryId, ids.adminCapId];
  const args = numbers(tx, [stakes.viewer, stakes.developer, stakes.admin, stakes.super]);
  call(tx, ids, 'staking::propose_role_stakes', objects, args);
}

/** Proposes what an order costs, in MIST, at most 0.1 SUI. */
export function proposeFee(tx: Transaction, ids: AdminIds, fee: bigint): void {
  const objects = [ids.schedulerId, ids.registryId, ids.adminCapId];
  call(tx, ids, 'k8s_scheduler::propose_fee', objects, [tx.pure.u64(fee)]);
}
