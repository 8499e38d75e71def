import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from './config.ts';

let dir: string;
let file: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'config-'));
  file = join(dir, 'nautilus-config.yaml');
});

afterEach(() => rm(dir, { recursive: true }));

const example = join(import.meta.dirname, 'nautilus-config.example.yaml');

test('the example is a valid configuration, its paths relative to its folder', async () => {
  const config = await readConfig(example);
  expect(config.tee).toEqual({ type: 'AWS_NITRO', attestation_interval: 3600 });
  expect(config.host.deployment).toBe(join(import.meta.dirname, 'deployments/testnet.json'));
});

test.each([
  ['an unknown key', 'tee: { type: AWS_NITRO, intervall: 1 }', 'unknown key tee.intervall'],
  ['an unknown section', 'gass: {}', 'unknown key gass'],
  ['a missing section', 'tee: { type: AWS_NITRO }', 'host: '],
  ['a network that is none', 'k3s: { cluster_cidr: 999.1.1.1/99 }', 'k3s.cluster_cidr: must be'],
  ['a key twice', 'tee: { type: SOFTWARE, type: AWS_NITRO }', 'Cannot read'],
  ['heartbeats that the enclave finds too rare', 'heartbeat_interval: 31', 'heartbeat_interval: '],
  ['another TEE', 'tee: { type: SGX }', 'tee.type: '],
  ['something else than YAML', 'tee: [', 'Cannot read'],
  ['nothing', '', 'the file: '],
])('%s is an error that says where', async (_name, yaml, message) => {
  await writeFile(file, yaml);
  await expect(readConfig(file)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining(message),
  });
});

test('a missing file is an error that names it', async () => {
  await expect(readConfig(join(dir, 'none'))).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining('none'),
  });
});
