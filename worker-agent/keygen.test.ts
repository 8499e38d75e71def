import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-keygen-'));
});
afterEach(() => rm(directory, { recursive: true }));

function keygen() {
  const main = join(import.meta.dirname, 'main.ts');
  const env = {
    SUI_RPC_URL: 'http://127.0.0.1:1',
    CONTRACT_PACKAGE_ID: `0x${'aa'.repeat(32)}`,
    WORKER_REGISTRY_ID: `0x${'dd'.repeat(32)}`,
    MASTER_URL: 'https://127.0.0.1:6443',
    NODE_ID: 'worker-1',
    DATA_DIR: directory,
  };
  const { status, stdout } = spawnSync(process.execPath, [main, 'keygen', '--json'], {
    env,
    encoding: 'utf8',
  });
  return { status, ...JSON.parse(stdout) };
}

test('keys are made once; what was killed between the two is ended with the key that is there', async () => {
  const { status, sealToken, identityFile } = keygen();
  expect(status).toBe(0);
  expect(keygen()).toMatchObject({ status: 1, code: 'key' });
  await rm(identityFile);
  expect(keygen()).toMatchObject({ status: 0, sealToken });
});
