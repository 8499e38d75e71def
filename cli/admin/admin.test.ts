import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDeployment } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { type Devnet, startDevnet } from '@daasvader/testbed/devnet/devnet.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { runDaas } from '../program.ts';

const DELAY_MS = 8 * 24 * 3_600_000;

let devnet: Devnet;
let directory: string;
let host: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-admin-'));
  devnet = await startDevnet();
  host = devnet.accounts[1]!.toSuiAddress();
  await writeFile(join(directory, 'admin'), devnet.accounts[0]!.getSecretKey(), { mode: 0o600 });
  await writeFile(join(directory, 'stranger'), devnet.accounts[2]!.getSecretKey(), { mode: 0o600 });
  for (const [name, delay] of [
    ['slow', `${DELAY_MS}`],
    ['fast', '0'],
  ] as const) {
    const where = ['--network', 'devnet-local', '--rpc', devnet.url, '--delay', delay];
    await daas(name, 'admin', 'admin', 'publish', ...where);
  }
});

afterEach(() => void vi.restoreAllMocks());

afterAll(async () => {
  await devnet.close();
  await rm(directory, { recursive: true });
});

const fileOf = (cluster: string) => join(directory, `${cluster}.json`);

/** Runs a command of an account on a cluster in this process, and gives what it prints. */
async function daas(
  cluster: 'slow' | 'fast',
  account: 'admin' | 'stranger',
  ...args: string[]
): Promise<string> {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runDaas([...args, '--deployment', fileOf(cluster), '--wallet', join(directory, account)]);
  return String(write.mock.lastCall?.[0]);
}

/** What waits in a cluster; looking takes no wallet. */
async function proposals(cluster: 'slow' | 'fast'): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runDaas(['admin', 'proposals', '--deployment', fileOf(cluster)]);
  return String(write.mock.lastCall?.[0]);
}

async function measurements(): Promise<string> {
  const file = join(directory, 'measurements.json');
  const [PCR0, PCR1, PCR2] = ['1', '2', '3'].map((digit) => digit.repeat(96));
  await writeFile(file, JSON.stringify({ version: '1.0.0', PCR0, PCR1, PCR2 }));
  return file;
}

test('a delay that is no longer than unbonding is refused', async () => {
  const where = ['--network', 'devnet-local', '--rpc', devnet.url, '--delay', `${7 * 24 * 3_600_000}`];
  await expect(
    runDaas([
      'admin',
      'publish',
      ...where,
      '--deployment',
      fileOf('short'),
      '--wallet',
      join(directory, 'admin'),
    ]),
  ).rejects.toMatchObject({ abort: { name: 'EDelayTooShort' } });
});

test('a cluster whose ids cannot be written down is not published', async () => {
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const owner = devnet.accounts[0]!.toSuiAddress();
  const { balance } = await client.getBalance({ owner });
  const where = ['--network', 'devnet-local', '--rpc', devnet.url];
  const file = join(fileOf('slow'), 'cluster.json');
  await expect(
    runDaas(['admin', 'publish', ...where, '--deployment', file, '--wallet', join(directory, 'admin')]),
  ).rejects.toMatchObject({ code: 'file' });
  expect((await client.getBalance({ owner })).balance).toEqual(balance);
});

test('no deployment file is written over', async () => {
  const before = await readFile(fileOf('fast'), 'utf8');
  const again = daas('fast', 'admin', 'admin', 'publish', '--network', 'devnet-local', '--rpc', devnet.url);
  await expect(again).rejects.toMatchObject({ code: 'file' });
  expect(await readFile(fileOf('fast'), 'utf8')).toBe(before);
});

test('all that waits is shown, with when it takes effect', async () => {
  expect(await proposals('slow')).toContain('nothing waits');
  const servers = [{ id: `0x${'5'.repeat(64)}`, publicKey: 'ab'.repeat(96), url: 'https://keys.example' }];
  await writeFile(join(directory, 'servers.json'), JSON.stringify({ threshold: 1, servers }));
  const admin = (...args: string[]) => daas('slow', 'admin', 'admin', ...args);
  await admin('propose-measurement', await measurements());
  await admin('appoint-host', devnet.accounts[2]!.toSuiAddress()); // the first is at once
  await admin('appoint-host', host);
  await admin('set-committee');
  await admin('propose-role-stakes', '1', '4', '10', '20');
  await admin('propose-min-stake', '6');
  await admin('propose-fee', '0.01');
  await admin(
    'set-public-config',
    '--apps-domain',
    'apps.example',
    '--acme-directory',
    'https://acme.example',
  );
  await admin('set-seal-config', join(directory, 'servers.json'));
  await admin('set-market', `0x${'6'.repeat(64)}`);
  await admin('propose-upgrade');
  const shown = await proposals('slow');
  expect(shown).toContain('proposals wait 192 h');
  for (const what of [
    'image 1.0.0',
    `seat for host ${host}`,
    'committee of epoch',
    'viewer 1 SUI',
    'worker: 6 SUI',
    'order: 0.01 SUI',
    'apps under apps.example',
    'https://keys.example',
    `market 0x${'6'.repeat(64)}`,
    'upgrade of the contracts',
  ])
    expect(shown).toContain(what);
  expect(shown).not.toContain(devnet.accounts[2]!.toSuiAddress());
  await admin('withdraw-upgrade');
  expect(await proposals('slow')).not.toContain('upgrade of the contracts');
});

test('state cannot be begun anew or go back where there is none yet', async () => {
  for (const args of [['begin-anew'], ['accept-state', '7', 'cd'.repeat(32)]])
    await expect(daas('slow', 'admin', 'admin', ...args)).rejects.toMatchObject({
      abort: { name: 'ENoIdentity' },
    });
});

test('an upgrade is not carried out before its time, and nobody but the admin proposes one', async () => {
  await daas('slow', 'admin', 'admin', 'propose-upgrade');
  await expect(daas('slow', 'admin', 'admin', 'upgrade')).rejects.toMatchObject({
    abort: { name: 'ENotYet' },
  });
  await expect(daas('slow', 'stranger', 'admin', 'propose-upgrade')).rejects.toThrow();
});

test('an upgrade is carried out once its time has come, and written into the deployment file', async () => {
  const before = await readDeployment(fileOf('fast'));
  await daas('fast', 'admin', 'admin', 'propose-upgrade');
  const { packageId } = JSON.parse(await daas('fast', 'admin', 'admin', 'upgrade', '--json'));
  const after = await readDeployment(fileOf('fast'));
  expect(after).toEqual({ ...before, packageId });
  expect(packageId).not.toBe(before.packageId);
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const { upgrades } = await new ContractReader(client, after).registry();
  expect(upgrades.package).toMatchObject({ original: before.packageId, current: packageId, version: '2' });
  // These contracts are of the same version as before, so there is nothing to migrate to.
  await expect(daas('fast', 'admin', 'admin', 'migrate')).rejects.toMatchObject({
    abort: { name: 'ENothingToMigrate' },
  });
});

test('a host is appointed and revoked, an image admitted and retired', async () => {
  const client = new SuiGrpcClient({ network: 'devnet-local', baseUrl: devnet.url });
  const registry = async () => new ContractReader(client, await readDeployment(fileOf('fast'))).registry();
  await daas('fast', 'admin', 'admin', 'appoint-host', host);
  await daas('fast', 'admin', 'admin', 'propose-measurement', await measurements(), '--state-format', '3');
  await daas('fast', 'admin', 'admin', 'retire-measurement', '1.0.0', '--compromised');
  const { seats, measurements: images } = await registry();
  expect(seats.list.map((seat) => seat.host)).toEqual([host]);
  expect(images).toMatchObject([{ version: '1.0.0', stateFormat: '3', isCompromised: true }]);
  await daas('fast', 'admin', 'admin', 'revoke-seat', host);
  expect((await registry()).seats.list).toEqual([]);
  await expect(daas('fast', 'admin', 'admin', 'revoke-seat', host)).rejects.toMatchObject({
    abort: { name: 'EUnknownHost' },
  });
});

test('files that are none are refused before anything is sent', async () => {
  const file = join(directory, 'servers.json');
  await writeFile(file, JSON.stringify({ threshold: 0, servers: [] }));
  await expect(daas('fast', 'admin', 'admin', 'set-seal-config', file)).rejects.toMatchObject({
    code: 'file',
  });
  const config = [
    'set-public-config',
    '--apps-domain',
    'apps.example',
    '--acme-directory',
    'https://acme.example',
  ];
  await expect(daas('fast', 'admin', 'admin', ...config, '--acme-root', file)).rejects.toMatchObject({
    code: 'file',
  });
  expect(await readFile(fileOf('fast'), 'utf8')).toContain('adminCapId');
});
