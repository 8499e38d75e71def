import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { RegisteredWorker } from './chain.ts';
import {
  createIdentityKey,
  createSealKey,
  identityKeyFile,
  readIdentity,
  readSealKey,
  sealKeyFile,
} from './keys.ts';
import { reinstateWorker } from './reinstatement.ts';

let directory: string;
let worker: RegisteredWorker;
/** Called with what the chain was told, once it has taken it. */
let afterwards: () => void;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-reinstatement-'));
  await createIdentityKey(identityKeyFile(directory));
  const { publicKey: sealToken } = await createSealKey(sealKeyFile(directory));
  const identityKey = await identityOnDisk();
  worker = { nodeId: 'worker-1', owner: '', status: 'slashed', sealToken, identityKey, tokenExpiresAtMs: 0 };
  afterwards = () => undefined;
});
afterEach(() => rm(directory, { recursive: true }));

async function identityOnDisk(): Promise<string> {
  const { publicKey } = await readIdentity(identityKeyFile(directory), directory);
  return Buffer.from(publicKey).toString('hex');
}

/** As the contract does it: only a slashed worker, and never with a seal token that was used. */
async function reinstate(): Promise<string | undefined> {
  return reinstateWorker({
    ...{ stateDir: directory, nodeId: 'worker-1', stake: 1n },
    chain: { readWorker: async () => worker },
    owner: {
      reinstate: async (_nodeId, keys) => {
        if (worker.status !== 'slashed' || keys.sealToken === worker.sealToken) throw new Error('abort');
        worker = {
          ...{ ...worker, status: 'pending', sealToken: keys.sealToken },
          identityKey: Buffer.from(keys.identityKey).toString('hex'),
        };
        afterwards();
        return 'digest';
      },
    },
  });
}

/** The keys on disk are those that the chain knows, and no others wait. */
async function expectKeysOfChain(): Promise<void> {
  expect((await readSealKey(sealKeyFile(directory))).publicKey).toBe(worker.sealToken);
  expect(await identityOnDisk()).toBe(worker.identityKey);
  for (const file of [sealKeyFile(directory), identityKeyFile(directory)])
    expect(existsSync(`${file}.next`)).toBe(false);
}

test('a slashed worker comes back with two new keys', async () => {
  const before = worker.sealToken;
  expect(await reinstate()).toBe('digest');
  expect(worker.sealToken).not.toBe(before);
  await expectKeysOfChain();
});

test('a transaction that was executed but not seen is not sent again', async () => {
  afterwards = () => {
    throw new Error('no answer');
  };
  await expect(reinstate()).rejects.toThrow('no answer');
  expect(await reinstate()).toBeUndefined();
  await expectKeysOfChain();
});

test('what was killed between the two keys, or renewed by a running agent, is ended', async () => {
  afterwards = () => {
    throw new Error('killed');
  };
  await expect(reinstate()).rejects.toThrow('killed');
  await rename(`${sealKeyFile(directory)}.next`, sealKeyFile(directory));
  expect(await reinstate()).toBeUndefined();
  await expectKeysOfChain();
});

test('a renewal that was interrupted before the worker was slashed does not stand in the way', async () => {
  const { publicKey: sealToken } = await createSealKey(`${sealKeyFile(directory)}.next`);
  worker = { ...worker, sealToken };
  expect(await reinstate()).toBe('digest');
  await expectKeysOfChain();
});
