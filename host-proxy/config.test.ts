import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  expect(config.walrus.aggregator).toMatch(/^https:/);
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
  ['a tag that is none of YAML 1.2', 'tee: !!binary AAAA', 'Cannot read'],
  ['a second document', 'tee: { type: SOFTWARE }\n---\ntee: {}', 'Cannot read'],
  ['a port that is a truth', 'api: { port: true }', 'api.port: '],
  ['a port that is a text', 'api: { port: "6443" }', 'api.port: '],
  ['an empty port', 'api: { port: "" }', 'api.port: '],
  ['a port above all', 'api: { port: 65536 }', 'api.port: '],
  ['a port with a fraction', 'api: { port: 6443.5 }', 'api.port: '],
  [
    'more gas than a number holds',
    'gas: { statements_per_hour: 9007199254740993 }',
    'gas.statements_per_hour: ',
  ],
  [
    'more for one transaction than the enclave signs',
    'gas: { budget_per_transaction: 500000001 }',
    'gas.budget_per_transaction: ',
  ],
  ['a time beyond all timers', 'relay: { idle_seconds: 2592000 }', 'relay.idle_seconds: '],
  ['a time without end', 'relay: { idle_seconds: .inf }', 'relay.idle_seconds: '],
  [
    'a target whose port is none',
    'outbound: { allow: ["a.example:70000"] }',
    'outbound.allow.0: must end in',
  ],
  ['an aggregator that is a file', 'walrus: { aggregator: "file:///etc/passwd" }', 'walrus.aggregator: '],
  ['a path that is empty', 'host: { key_file: "" }', 'host.key_file: must not be empty'],
  ['an address to listen on that is none', 'api: { listen: "" }', 'api.listen: '],
  ['something else than YAML', 'tee: [', 'Cannot read'],
  ['nothing', '', 'the file: '],
])('%s is an error that says where', async (_name, yaml, message) => {
  await writeFile(file, yaml);
  await expect(readConfig(file)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining(message),
  });
});

/** The example with one text in another's place. */
const exampleWith = async (from: string, to: string) => {
  const text = await readFile(example, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
  return readConfig(file);
};

test.each([
  ['10.43.0.0/16', '10.112.0.0/12', 'k3s.service_cidr: must not overlap k3s.cluster_cidr'],
  ['10.43.0.0/16', '10.120.0.0/16', 'k3s.service_cidr: must not overlap k3s.cluster_cidr'],
  ['10.43.0.0/16', '10.0.0.0/8', 'k3s.service_cidr: must not overlap k3s.cluster_cidr'],
  ['enclave_port: 8443', 'enclave_port: 6443', 'api.enclave_port: must be another port than api.port'],
  ['metrics_port: 9464', 'metrics_port: 8443', 'host.metrics_port: must be another port than'],
])('%s written as %s is an error that names the key', async (from, to, message) => {
  await expect(exampleWith(from, to)).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining(message),
  });
});

test('networks side by side are fine, and so are two ports that the system chooses', async () => {
  await exampleWith('10.43.0.0/16', '10.41.0.0/16');
  await exampleWith('port: 6443 # Kubernetes API\n  enclave_port: 8443', 'port: 0\n  enclave_port: 0');
  expect((await exampleWith('idle_seconds: 14400', 'idle_seconds: 2147483')).relay.idle_seconds).toBe(
    2_147_483,
  );
});

test('a missing file is an error that names it', async () => {
  await expect(readConfig(join(dir, 'none'))).rejects.toMatchObject({
    code: 'config',
    message: expect.stringContaining('none'),
  });
});
