/** What the holder of the admin capability calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds, Deployment } from '../deployment.ts';
import { type Arguments, bytes, call } from './call.ts';

/** What an admin's call needs: the contracts and the capability. */
export type AdminIds = ContractIds & { adminCapId: string };

/** Asserts that a deployment names its admin capability, as the admin's copy does. */
export function isAdmin(deployment: Deployment): deployment is Deployment & AdminIds {
  return deployment.adminCapId !== undefined;
}

/** A measurement to propose: PCRs of 48 bytes. */
export interface MeasurementArgs {
  version: string;
  pcr0: Uint8Array;
  pcr1: Uint8Array;
  pcr2: Uint8Array;
}

/** Proposes an image; it is admitted when the delay is over. */
export function proposeMeasurement(tx: Transaction, ids: AdminIds, args: MeasurementArgs): void {
  const pcrs = [args.pcr0, args.pcr1, args.pcr2].map((pcr) => bytes(tx, pcr));
  registryCall(tx, ids, 'propose_measurement', [tx.pure.string(args.version), ...pcrs]);
}

/** Admits an image no longer. */
export function retireMeasurement(tx: Transaction, ids: AdminIds, version: string): void {
  registryCall(tx, ids, 'retire_measurement', [tx.pure.string(version)]);
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

/** Names the account that may seat its enclave. */
export function appointHost(tx: Transaction, ids: AdminIds, host: string): void {
  registryCall(tx, ids, 'appoint_host', [tx.pure.address(host)]);
}

/** Empties the seat. */
export function revokeSeat(tx: Transaction, ids: AdminIds): void {
  registryCall(tx, ids, 'revoke_seat', []);
}

function registryCall(tx: Transaction, ids: AdminIds, name: string, args: Arguments): void {
  call(tx, ids, `enclave_registry::${name}`, [ids.registryId, ids.adminCapId], args);
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
  const values = [stakes.viewer, stakes.developer, stakes.admin, stakes.super];
  const args = values.map((mist) => tx.pure.u64(mist));
  call(tx, ids, 'staking::propose_role_stakes', objects, args);
}
