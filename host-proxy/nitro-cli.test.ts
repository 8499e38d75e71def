import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics } from './metrics.ts';
import { NitroCli } from './nitro-cli.ts';

/** Stands in for nitro-cli, which needs a Nitro instance: notes how it was called, keeps one enclave in a file. */
const STAND_IN = `#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >> calls
case $1 in
run-enclave) echo '{"EnclaveName":"daasvader","EnclaveID":"i-1-enc1","EnclaveCID":16,"NumberOfCPUs":2}' | tee enclave ;;
describe-enclaves) echo "[$(cat enclave 2>/dev/null)]" ;;
terminate-enclave) rm enclave; echo '{"EnclaveID":"i-1-enc1","Terminated":true}' ;;
esac
`;

let dir: string;
let enclave: NitroCli | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nitro-'));
  await writeFile(join(dir, 'nitro-cli'), STAND_IN);
  await chmod(join(dir, 'nitro-cli'), 0o755);
});

afterEach(async () => {
  await enclave?.stop();
  await rm(dir, { recursive: true });
});

function start(): NitroCli {
  const options = { image: '/opt/daasvader.eif', memoryMib: 4096, cpus: 2, cid: 16 };
  enclave = new NitroCli(
    { ...options, program: join(dir, 'nitro-cli') },
    new Metrics(),
    pino({ level: 'silent' }),
  );
  return enclave;
}

const calls = async () => (await readFile(join(dir, 'calls'), 'utf8').catch(() => '')).split('\n');
const called = (call: string) => expect.poll(calls, { timeout: 10_000 }).toContain(call);

test('an image is run with its size and context id, and terminated at the end', async () => {
  start();
  await called('run-enclave --eif-path /opt/daasvader.eif --cpu-count 2 --memory 4096 --enclave-cid 16');
  await enclave?.stop();
  enclave = undefined;
  expect(await calls()).toContain('terminate-enclave --enclave-id i-1-enc1');
});

test('an enclave that runs already is kept', async () => {
  await writeFile(join(dir, 'enclave'), '{"EnclaveID":"i-1-enc0","EnclaveCID":16}');
  start();
  await called('describe-enclaves');
  await enclave?.stop();
  enclave = undefined;
  const all = await calls();
  expect(all).toContain('terminate-enclave --enclave-id i-1-enc0');
  expect(all.some((call) => call.startsWith('run-enclave'))).toBe(false);
});
