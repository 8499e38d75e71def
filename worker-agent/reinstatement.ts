import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { WorkerKeys } from '@daasvader/chain/calls/worker-owner.ts';
import type { ChainReader, RegisteredWorker, WorkerOwner } from './chain.ts';
import {
  createIdentityKey,
  createSealKey,
  identityKeyFile,
  readIdentity,
  readSealKey,
  sealKeyFile,
} from './keys.ts';

/** Which worker is brought back, and how. */
export interface ReinstatementOptions {
  stateDir: string;
  nodeId: string;
  /** MIST that are added to its stake. */
  stake: bigint;
  chain: Pick<ChainReader, 'readWorker'>;
  owner: Pick<WorkerOwner, 'reinstate'>;
}

/**
 * Brings a slashed worker back with two new keys. They are on disk before the chain knows them, and take the old ones'
 * place after that; whoever was interrupted in between runs it again and ends with the keys that the chain names.
 *
 * @returns the transaction; nothing when the chain had the new keys already
 * @throws ChainError; WorkerError `key`
 */
export async function reinstateWorker(options: ReinstatementOptions): Promise<string | undefined> {
  const { stateDir, nodeId, stake, chain, owner } = options;
  const worker = await chain.readWorker(nodeId);
  if (worker !== undefined && (await takeKeysOf(worker, stateDir)) && worker.status !== 'slashed')
    return undefined;
  const keys = await nextKeys(stateDir);
  const digest = await owner.reinstate(nodeId, keys, stake);
  await takeKeysOf({ ...keys, identityKey: hexOf(keys.identityKey) }, stateDir);
  return digest;
}

/** Those that wait for the chain to know them; made where there are none. */
async function nextKeys(stateDir: string): Promise<WorkerKeys> {
  const [sealFile, identityFile] = nextFiles(stateDir);
  const seal = existsSync(sealFile) ? await readSealKey(sealFile) : await createSealKey(sealFile);
  if (!existsSync(identityFile)) await createIdentityKey(identityFile);
  const identity = await readIdentity(identityFile, stateDir);
  return { sealToken: seal.publicKey, identityKey: identity.publicKey };
}

/**
 * Puts those of the waiting keys into place that the chain knows.
 *
 * @returns whether the identity key was one of them: nothing but a reinstatement changes that, and it comes last
 */
async function takeKeysOf(
  known: Pick<RegisteredWorker, 'sealToken' | 'identityKey'>,
  stateDir: string,
): Promise<boolean> {
  const [sealFile, identityFile] = nextFiles(stateDir);
  if (existsSync(sealFile) && (await readSealKey(sealFile)).publicKey === known.sealToken)
    await rename(sealFile, sealKeyFile(stateDir));
  if (!existsSync(identityFile)) return false;
  const { publicKey } = await readIdentity(identityFile, stateDir);
  if (hexOf(publicKey) !== known.identityKey) return false;
  await rename(identityFile, identityKeyFile(stateDir));
  return true;
}

/** Of the seal key, where its renewal looks too, and of the identity key. */
function nextFiles(stateDir: string): [string, string] {
  return [`${sealKeyFile(stateDir)}.next`, `${identityKeyFile(stateDir)}.next`];
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
