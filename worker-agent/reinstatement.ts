import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { WorkerKeys } from '@daasvader/chain/calls/worker-owner.ts';
import {
  createIdentityKey,
  createSealKey,
  identityKeyFile,
  readIdentity,
  readSealKey,
  sealKeyFile,
} from './keys.ts';

/**
 * Replaces both keys of a worker. The new ones are on disk before the chain knows them, and take the old ones' place
 * after that; whoever was interrupted in between runs it again and goes on with the same new keys.
 *
 * @param tell has the chain take the new keys
 * @returns what `tell` gives
 */
export async function renewKeys(
  stateDir: string,
  tell: (keys: WorkerKeys) => Promise<string>,
): Promise<string> {
  const [sealFile, identityFile] = [sealKeyFile(stateDir), identityKeyFile(stateDir)];
  const [nextSeal, nextIdentity] = [`${sealFile}.next`, `${identityFile}.next`];
  const seal = existsSync(nextSeal) ? await readSealKey(nextSeal) : await createSealKey(nextSeal);
  if (!existsSync(nextIdentity)) await createIdentityKey(nextIdentity);
  const identity = await readIdentity(nextIdentity, stateDir);
  const digest = await tell({ sealToken: seal.publicKey, identityKey: identity.publicKey });
  await rename(nextSeal, sealFile);
  await rename(nextIdentity, identityFile);
  return digest;
}
