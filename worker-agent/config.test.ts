import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from './config.ts';

const ID = `0x${'12'.repeat(32)}`;
const YAML = `
sui:
  rpc_endpoint: "https://fullnode.testnet.sui.io:443"
  staking_contract: "${ID}"
  worker_registry: "${ID}"
  wallet_address: "${ID}"
k3s:
  master_endpoint: "https://tee-master:6443"
  data_dir: "/var/lib/k3s"
node:
  id: "worker-001"
  stake_amount: 5000000000  # 5 SUI
security:
  tls_cert: "/etc/k3s/certs/worker.crt"
  tls_key: "/etc/k3s/certs/worker.key"
`;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'worker-config-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function read(yaml: string, environment = {}) {
  const file = join(directory, 'worker-config.yaml');
  await writeFile(file, yaml);
  return readConfig(file, environment);
}

test('a complete file is read; the API is on port 8443 of the master', async () => {
  const config = await read(YAML);
  expect(config.node).toMatchObject({ id: 'worker-001', stake_amount: 5_000_000_000n, port: 8080 });
  expect(config.apiEndpoint).toBe('https://tee-master:8443');
  expect(config.security.attestation_interval).toBe(3600);
});

test.each(['9007199254740993', '"9007199254740993"'])('a stake of %s is not rounded', async (stake) => {
  expect((await read(YAML.replace('5000000000', stake))).node.stake_amount).toBe(9_007_199_254_740_993n);
});

test.each(['', ' ', '0x10', '1e3', '-1', 'true'])(
  'a variable that says %j is no number',
  async (STAKE_AMOUNT) => {
    const given = read(YAML, { STAKE_AMOUNT });
    if (STAKE_AMOUNT === '')
      expect((await given).node.stake_amount).toBe(5_000_000_000n); // as if it were not set
    else await expect(given).rejects.toThrow(/node\.stake_amount: must be/);
  },
);

test('environment variables override the file and can replace it', async () => {
  expect((await read(YAML, { NODE_ID: 'other' })).node.id).toBe('other');
  const config = await readConfig(undefined, {
    MASTER_URL: 'https://nautilus-control:6443',
    NODE_ID: 'hackathon-worker-001',
    SEAL_TOKEN: 'ab'.repeat(32),
    SUI_RPC_URL: 'https://fullnode.testnet.sui.io',
    CONTRACT_PACKAGE_ID: ID,
    WORKER_REGISTRY_ID: ID,
  });
  expect(config.node.seal_token).toBe('ab'.repeat(32));
});

test.each([
  ['an unknown key', YAML.replace('data_dir', 'datadir'), /datadir/],
  ['an unknown section', `${YAML}\nextra: 1\n`, /extra/],
  ['a node id that is no DNS label', YAML.replace('worker-001', 'Worker_1'), /node.id/],
  ['a node id that fits into no certificate', YAML.replace('worker-001', 'w'.repeat(53)), /at most 52/],
  ['a missing endpoint', YAML.replace(/ {2}master_endpoint.*\n/, ''), /k3s.master_endpoint/],
  ['a section that is no mapping', YAML.replace(/node:\n.*\n.*\n/, 'node: 5\n'), /node/],
  ['a key twice', YAML.replace('  id:', '  id: other\n  id:'), /Cannot read/],
  ['a master without TLS', YAML.replace('https://tee-master', 'http://tee-master'), /master_endpoint/],
  ['a certificate without its key', YAML.replace(/ {2}tls_key.*\n/, ''), /tls_cert and tls_key/],
  ['a short contract address', YAML.replace(ID, '0x12'), /staking_contract/],
  [
    'a port that is a truth',
    YAML.replace('  id:', '  port: true\n  id:'),
    /node\.port: must be a whole number/,
  ],
  ['an empty port', YAML.replace('  id:', '  port: ""\n  id:'), /node\.port: must be a whole number/],
  ['a port above all', YAML.replace('  id:', '  port: 65536\n  id:'), /node\.port: .* from 0 to 65535/],
  ['a port with a fraction', YAML.replace('  id:', '  port: 80.5\n  id:'), /node\.port: must be a whole/],
  [
    'a stake that is a truth',
    YAML.replace('5000000000', 'true'),
    /node\.stake_amount: must be a whole number/,
  ],
  ['a stake of nothing', YAML.replace('5000000000', '0'), /node\.stake_amount: must be MIST/],
  ['a stake in floating point', YAML.replace('5000000000', '5e9'), /node\.stake_amount: must be a whole/],
  ['a stake above 64 bits', YAML.replace('5000000000', `${1n << 64n}`), /node\.stake_amount: must be MIST/],
  [
    'an interval without end',
    `${YAML}  attestation_interval: .inf\n`,
    /attestation_interval: must be a number/,
  ],
  [
    'an interval of a month',
    `${YAML}  attestation_interval: 2592000\n`,
    /attestation_interval: .* 86400 at most/,
  ],
  ['a tag that is none', YAML.replace('"worker-001"', '!secret x'), /Cannot read/],
  ['a second document', `${YAML}\n---\nnode: {}\n`, /Cannot read/],
  ['a list', '- 1', /mapping/],
  ['no YAML', '{', /Cannot read/],
])('%s is refused by name', async (_, yaml, message) => {
  await expect(read(yaml)).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(message) });
});

test('what is missing is named with the variable that can give it', async () => {
  await expect(readConfig(undefined, { SEAL_TOKEN: 'ab'.repeat(32) })).rejects.toThrow(
    /k3s\.master_endpoint: missing; write it in the file or set MASTER_URL/,
  );
});

test('a section that is no mapping is refused also when a variable belongs into it', async () => {
  await expect(read(YAML.replace(/node:\n.*\n.*\n/, 'node: 5\n'), { NODE_ID: 'w' })).rejects.toThrow(
    /node: /,
  );
});

test('a short seal token is refused', async () => {
  await expect(read(YAML, { SEAL_TOKEN: 'seal_demo_123' })).rejects.toThrow(/node.seal_token/);
});
