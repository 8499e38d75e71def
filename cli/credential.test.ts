import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { ROUTE } from '@daasvader/verifier/routes.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createWallet } from './wallet.ts';

const HOUR_MS = 3_600_000;

let seated: SeatedCluster;
let directory: string;
let address: string;

beforeAll(async () => {
  seated = await SeatedCluster.start();
  directory = await mkdtemp(join(tmpdir(), 'daas-credential-'));
  address = await createWallet(join(directory, 'wallet'));
  await writeDeployment(join(directory, 'deployment.json'), seated.deployment);
  await writeFile(join(directory, 'root.pem'), seated.controlPlane.rootPem);
});

beforeEach(async () => {
  seated.controlPlane.lies = {};
  await rm(join(directory, '.cache'), { recursive: true, force: true });
  await rm(join(directory, '.kube'), { recursive: true, force: true });
});

afterAll(async () => {
  await seated.close();
  await rm(directory, { recursive: true, force: true });
});

interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

function run(program: string, args: string[], env: Record<string, string>, cwd: string): Promise<Outcome> {
  const all = { PATH: process.env.PATH, HOME: directory, ...env };
  return new Promise((resolve) => {
    execFile(program, args, { env: all, cwd }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

/** Adds the context, from the folder with the files, named as a person names them. */
function addContext(...args: string[]): Promise<Outcome> {
  return addContextWhere({}, ...args);
}

async function addContextWhere(env: Record<string, string>, ...args: string[]): Promise<Outcome> {
  const main = join(import.meta.dirname, 'main.ts');
  const names = ['--deployment', 'deployment.json', '--wallet', 'wallet', '--root', 'root.pem'];
  const api = ['--api', seated.controlPlane.url];
  return run(process.execPath, [main, 'kubeconfig', ...names, ...api, ...args], env, directory);
}

const readConfig = async () => parse(await readFile(join(directory, '.kube/config'), 'utf8'));

/** Runs what the context says as kubectl does: in another folder, and told of the cluster. */
async function asKubectl(env: Record<string, string> = {}): Promise<Outcome> {
  const { users, clusters } = await readConfig();
  const { exec } = users[0].user;
  expect(exec).toMatchObject({ interactiveMode: 'Never', provideClusterInfo: true });
  const info = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, cluster: clusters[0].cluster },
  };
  return run(exec.command, exec.args, { KUBERNETES_EXEC_INFO: JSON.stringify(info), ...env }, '/');
}

/** What the control plane was asked since. */
async function asked(work: () => Promise<Outcome>): Promise<{ paths: string[]; outcome: Outcome }> {
  const { requests } = seated.controlPlane;
  const before = requests.length;
  const outcome = await work();
  return { paths: requests.slice(before), outcome };
}

async function keptFile(): Promise<string> {
  const folder = join(directory, '.cache/daasvader/credentials');
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0] as string);
}

/** Changes what was kept, as time does. */
async function change(how: (kept: { verifiedAtMs: number; credential: { expiresAtMs: number } }) => void) {
  const file = await keptFile();
  const kept = JSON.parse(await readFile(file, 'utf8'));
  how(kept);
  await writeFile(file, JSON.stringify(kept));
}

function shiftVerification(ms: number): Promise<void> {
  return change((kept) => {
    kept.verifiedAtMs += ms;
  });
}

const VERIFIED = [ROUTE.attestation, ROUTE.kubeconfig];

test('the context gives kubectl a credential for our user and key, without asking again', async () => {
  const added = await addContext('--json');
  expect(added).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('✓ ca:') });
  const file = join(directory, '.kube/config');
  expect(JSON.parse(added.stdout)).toMatchObject({ file, context: 'daasvader', current: 'daasvader' });
  expect(await readFile(file, 'utf8')).not.toContain('PRIVATE');
  const { paths, outcome } = await asked(() => asKubectl());
  expect({ paths, stderr: outcome.stderr }).toEqual({ paths: [ROUTE.health], stderr: '' });
  const { apiVersion, kind, status } = JSON.parse(outcome.stdout);
  expect({ apiVersion, kind }).toEqual({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
  });
  const certificate = new X509Certificate(status.clientCertificateData);
  expect(certificate.subject).toBe(`CN=${userOf(address)}`);
  expect(certificate.checkPrivateKey(createPrivateKey(status.clientKeyData))).toBe(true);
  expect(Date.parse(status.expirationTimestamp)).toBeLessThan(Date.parse(certificate.validTo));
  expect(Date.parse(status.expirationTimestamp)).toBeGreaterThan(Date.now());
});

test('what is kept is for us alone to read', async () => {
  await addContext();
  const file = await keptFile();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700);
});

test('a credential that ends soon is renewed under the verified key, without another verification', async () => {
  await addContext();
  const first = JSON.parse((await asKubectl()).stdout);
  await change((kept) => {
    kept.credential.expiresAtMs = Date.now() + 90_000;
  });
  const { paths, outcome } = await asked(() => asKubectl());
  expect(paths).toEqual([ROUTE.kubeconfig]);
  expect(JSON.parse(outcome.stdout).status.clientKeyData).not.toBe(first.status.clientKeyData);
});

test.each([
  ['an hour ago', () => shiftVerification(-HOUR_MS)],
  ['in the future', () => shiftVerification(HOUR_MS)],
  ['by who knows whom: others may write it', async () => chmod(await keptFile(), 0o666)],
  ['in a folder of others', async () => chmod(join(await keptFile(), '..'), 0o777)],
  ['and is damaged', async () => writeFile(await keptFile(), '{"verifiedAtMs":')],
  ['and is gone', async () => rm(await keptFile())],
])('what was kept %s does not count: the control plane is verified', async (_when, happens) => {
  await addContext();
  await happens();
  const { paths, outcome } = await asked(() => asKubectl());
  expect({ paths, exitCode: outcome.exitCode }).toEqual({ paths: VERIFIED, exitCode: 0 });
});

test('what was kept for another root does not count', async () => {
  await addContext();
  await writeFile(join(directory, 'root.pem'), `${seated.controlPlane.rootPem}\n`);
  expect((await asked(() => asKubectl())).paths).toEqual(VERIFIED);
  await writeFile(join(directory, 'root.pem'), seated.controlPlane.rootPem);
});

test('somebody else at the address gets nothing, while it would last and when it is to be renewed', async () => {
  await addContext();
  await seated.controlPlane.serveWithAnotherKey();
  for (const left of [300_000, 60_000]) {
    await change((kept) => {
      kept.credential.expiresAtMs = Date.now() + left;
    });
    const { paths, outcome } = await asked(() => asKubectl());
    expect(paths).toEqual([ROUTE.attestation]);
    expect(outcome).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining("the connection's TLS key differs"),
    });
  }
  await seated.replace();
});

test('where another enclave leads, it is verified, the context has its CA, and the next command goes on', async () => {
  await addContext();
  const before = (await readConfig()).clusters[0].cluster['certificate-authority-data'];
  await seated.replace();
  const first = await asKubectl();
  expect(first).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: expect.stringMatching(/another one leads, was verified.*run the command again \[cluster\]/),
  });
  expect((await readConfig()).clusters[0].cluster['certificate-authority-data']).not.toBe(before);
  const { paths, outcome } = await asked(() => asKubectl());
  expect({ paths, exitCode: outcome.exitCode }).toEqual({ paths: [ROUTE.health], exitCode: 0 });
});

test('a control plane that is away is told as such once the credential ends, and not before', async () => {
  await addContext();
  const { port } = seated.controlPlane;
  await seated.controlPlane.close();
  expect(await asKubectl()).toMatchObject({ exitCode: 0, stderr: '' });
  await change((kept) => {
    kept.credential.expiresAtMs = Date.now() + 60_000;
  });
  const away = await asKubectl();
  expect(away).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('[unreachable]') });
  await seated.controlPlane.listen(port);
});

test('the environment of whoever runs kubectl changes nothing', async () => {
  await addContext();
  const other = join(directory, 'other');
  await writeFile(other, new Ed25519Keypair().getSecretKey(), { mode: 0o600 });
  const env = {
    DAAS_WALLET: other,
    DAAS_SIGN_WITH: 'true',
    DAAS_API: 'https://127.0.0.1:1',
    DAAS_ROOT: other,
  };
  expect(await asKubectl(env)).toMatchObject({ exitCode: 0, stderr: '' });
});

test('with another key in the wallet than the address of the context nothing is proven', async () => {
  await addContext();
  const wallet = join(directory, 'wallet');
  const key = await readFile(wallet, 'utf8');
  await writeFile(wallet, new Ed25519Keypair().getSecretKey());
  const { paths, outcome } = await asked(() => asKubectl());
  await writeFile(wallet, key);
  expect({ paths, outcome }).toMatchObject({ paths: [], outcome: { exitCode: 1, stdout: '' } });
  expect(outcome.stderr).toContain(`Cannot sign as ${address}`);
});

test('many at once all get a credential, and keep one that is whole', async () => {
  await addContext();
  await rm(await keptFile());
  const outcomes = await Promise.all([1, 2, 3].map(() => asKubectl()));
  expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
  JSON.parse(await readFile(await keptFile(), 'utf8'));
});

test('another version of the protocol is refused', async () => {
  await addContext();
  const info = JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1beta1', spec: {} });
  const outcome = await asKubectl({ KUBERNETES_EXEC_INFO: info });
  expect(outcome).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('v1beta1') });
  expect(await asKubectl({ KUBERNETES_EXEC_INFO: '{' })).toMatchObject({ exitCode: 1, stdout: '' });
});

test('a mnemonic is refused: nobody could be asked for it', async () => {
  const main = join(import.meta.dirname, 'main.ts');
  const args = ['kubeconfig', '--deployment', 'deployment.json', '--api', seated.controlPlane.url];
  const outcome = await run(process.execPath, [main, ...args, '--wallet-mnemonic'], {}, directory);
  expect(outcome).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--static') });
});

test('--kubeconfig and --context say where, $KUBECONFIG otherwise; --static goes with none of them', async () => {
  const file = join(directory, 'mine');
  await addContext('--kubeconfig', 'mine', '--context', 'two');
  const { contexts, users } = parse(await readFile(file, 'utf8'));
  expect(contexts[0]).toMatchObject({ name: 'two', context: { cluster: 'two', user: 'two' } });
  expect(users[0].user.exec.args).toEqual(expect.arrayContaining(['--kubeconfig', file, '--context', 'two']));
  const named = join(directory, 'named');
  await addContextWhere({ KUBECONFIG: `${named}:${file}` });
  expect(parse(await readFile(named, 'utf8')).contexts).toHaveLength(1);
  expect((await addContext('--kubeconfig', 'mine', '--static')).exitCode).toBe(2);
  expect((await addContext('--kubeconfig', 'mine', '--out', 'other')).exitCode).toBe(2);
  expect((await addContext('--context', 'a b')).exitCode).toBe(2);
});
