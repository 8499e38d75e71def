import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { SealKey } from '@daasvader/seal/seal.ts';
import type { ChainReader, RegisteredWorker, WorkerOwner } from './chain.ts';
import { createSealKey, readSealKey } from './keys.ts';

/** A token lives 30 days; this much before its end it is replaced. */
const RENEW_BEFORE_MS = 7 * 24 * 3_600_000;

/** Whose seal key is renewed, and how. */
export interface RenewalOptions {
  /** Where the seal key is kept. */
  file: string;
  nodeId: string;
  current: SealKey;
  chain: Pick<ChainReader, 'readWorker'>;
  owner: Pick<WorkerOwner, 'refreshSealToken'>;
}

/**
 * Replaces a seal key whose token ends soon. The new key is on disk before the chain knows it, and takes the old one's
 * place after that, so an agent that is killed in between goes on with the key that the chain names.
 *
 * @returns the key to use from now on
 * @throws ChainError; WorkerError `key`
 */
export async function renewSealKey(options: RenewalOptions): Promise<SealKey> {
  const { file, nodeId, current, chain, owner } = options;
  const nextFile = `${file}.next`;
  const worker = await chain.readWorker(nodeId);
  const pending = existsSync(nextFile) ? await readSealKey(nextFile) : undefined;
  if (worker === undefined || (worker.sealToken !== pending?.publicKey && !isDue(worker))) return current;
  const next = pending ?? (await createSealKey(nextFile));
  if (worker.sealToken !== next.publicKey) await owner.refreshSealToken(nodeId, next.publicKey);
  await rename(nextFile, file);
  return next;
}

/** A worker that was slashed or has left has no use for a token, and the contract gives it none. */
function isDue({ status, tokenExpiresAtMs }: RegisteredWorker): boolean {
  const isMember = status !== 'slashed' && status !== 'left';
  return isMember && tokenExpiresAtMs - Date.now() < RENEW_BEFORE_MS;
}
