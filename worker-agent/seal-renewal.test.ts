import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerStatus } from '@daasvader/chain/codes.ts';
import type { SealKey } from '@daasvader/seal/seal.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RegisteredWorker } from './chain.ts';
import { createSealKey, readSealKey, sealKeyFile } from './keys.ts';
import { renewSealKey } from './seal-renewal.ts';

const DAY_MS = 24 * 3_600_000;
let directory: string;
let file: string;
let current: SealKey;
let worker: RegisteredWorker;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-renewal-'));
  file = sealKeyFile(directory);
  current = await createSealKey(file);
  worker = {
    nodeId: 'worker-1',
    owner: '0x1',
    status: 'active',
    sealToken: current.publicKey,
    identityKey: 'ab'.repeat(32),
    tokenExpiresAtMs: Date.now() + DAY_MS,
  };
});

afterEach(() => rm(directory, { recursive: true }));

/** As the chain does: the new token takes the place of the old one. */
async function refreshSealToken(_nodeId: string, sealToken: string): Promise<string> {
  worker = { ...worker, sealToken, tokenExpiresAtMs: Date.now() + 30 * DAY_MS };
  return 'digest';
}

const renew = (refresh = refreshSealToken) =>
  renewSealKey({
    file,
    nodeId: 'worker-1',
    current,
    chain: { readWorker: async () => worker },
    owner: { refreshSealToken: refresh },
  });

test('a token that ends tomorrow is replaced, on chain and on disk', async () => {
  const next = await renew();
  expect(next.publicKey).not.toBe(current.publicKey);
  expect(worker.sealToken).toBe(next.publicKey);
  expect((await readSealKey(file)).publicKey).toBe(next.publicKey);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
});

test('a token that lives long is kept', async () => {
  worker.tokenExpiresAtMs = Date.now() + 20 * DAY_MS;
  expect(await renew()).toBe(current);
});

test.each<WorkerStatus>(['slashed', 'left'])('a worker that is %s keeps what it has', async (status) => {
  worker.status = status;
  expect(await renew()).toBe(current);
});

test('what the chain refused is tried again with the same key', async () => {
  const asked: string[] = [];
  const refuse = (_nodeId: string, token: string) => {
    asked.push(token);
    return Promise.reject(new Error('no gas'));
  };
  await expect(renew(refuse)).rejects.toThrow('no gas');
  expect((await readSealKey(file)).publicKey).toBe(current.publicKey);
  expect((await renew()).publicKey).toBe(asked[0]);
});

test('an agent killed after the chain took the token goes on with that key', async () => {
  const kill = async (nodeId: string, token: string) => {
    await refreshSealToken(nodeId, token);
    throw new Error('killed');
  };
  await expect(renew(kill)).rejects.toThrow('killed');
  const next = await renew(() => Promise.reject(new Error('asked twice')));
  expect(next.publicKey).toBe(worker.sealToken);
  expect((await readSealKey(file)).publicKey).toBe(worker.sealToken);
  expect(existsSync(`${file}.next`)).toBe(false);
});
