import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type SilentServer, startSilentServer } from '@daasvader/testbed/devnet/lying/silent-server.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createIdentityKey, createSealKey, identityKeyFile, sealKeyFile } from './keys.ts';

let directory: string;
let silent: SilentServer;
let child: ChildProcess;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-signals-'));
  const stateDir = join(directory, 'worker-agent');
  await createSealKey(sealKeyFile(stateDir));
  await createIdentityKey(identityKeyFile(stateDir));
});

afterEach(async () => {
  child.kill('SIGKILL');
  silent.close();
  await rm(directory, { recursive: true });
});

/** Starts `worker-agent run` against a full node and a control plane that say `words`; resolves when it asks them. */
async function run(words: string): Promise<void> {
  silent = await startSilentServer(words);
  child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), 'run'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      SUI_RPC_URL: silent.url,
      CONTRACT_PACKAGE_ID: `0x${'aa'.repeat(32)}`,
      WORKER_REGISTRY_ID: `0x${'dd'.repeat(32)}`,
      MASTER_URL: 'https://127.0.0.1:6443',
      API_URL: silent.url.replace('http:', 'https:'),
      NODE_ID: 'worker-1',
      NODE_PORT: '0',
      DATA_DIR: directory,
    },
  });
  const lines = createInterface({ input: child.stdout! });
  await Promise.race([silent.connected(2), once(child, 'exit')]);
  lines.close();
}

test.each([
  ['SIGTERM', 'nothing', ''],
  ['SIGINT', 'half their headers', 'HTTP/1.1 200 OK\r\n'],
] as const)('%s ends the agent at once while others say %s', async (signal, _what, words) => {
  await run(words);
  const ended = once(child, 'exit');
  const sentAt = performance.now();
  child.kill(signal);
  expect(await ended).toEqual([0, null]);
  expect(performance.now() - sentAt).toBeLessThan(10_000); // half the time that one answer may take
});
