import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type SilentServer, startSilentServer } from '@daasvader/testbed/devnet/lying/silent-server.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ID = `0x${'1'.repeat(64)}`;
let directory: string;
let silent: SilentServer;

beforeEach(async () => {
  silent = await startSilentServer();
  directory = await mkdtemp(join(tmpdir(), 'daas-silent-'));
  const packages = { packageId: ID, originalPackageId: ID };
  const ids = { ...packages, registryId: ID, workersId: ID, stakingId: ID, schedulerId: ID, imagesId: ID };
  const deployment = { network: 'test', rpcUrl: silent.url, chainId: 'chain', ...ids };
  await writeFile(join(directory, 'deployment.json'), JSON.stringify(deployment));
});

afterEach(async () => {
  silent.close();
  await rm(directory, { recursive: true });
});

/** Starts `daas status` against a full node that accepts and says nothing. */
function status() {
  const args = ['status', '--deployment', join(directory, 'deployment.json')];
  return spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
}

test('daas status gives up on a full node that says nothing, and names it', async () => {
  const child = status();
  const ended = once(child, 'exit', { signal: AbortSignal.timeout(40_000) }); // 20 s, and a busy machine's start
  const [said, [code]] = await Promise.all([text(child.stderr), ended]);
  expect(code).toBe(1);
  expect(said).toContain(`Cannot ask the full node ${silent.url}: no answer within 20 s`);
});

test('SIGTERM ends daas status while it waits', async () => {
  const child = status();
  await silent.connected(1);
  child.kill('SIGTERM');
  expect(await once(child, 'exit', { signal: AbortSignal.timeout(5_000) })).toEqual([null, 'SIGTERM']);
});
