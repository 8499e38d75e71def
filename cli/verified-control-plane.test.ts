import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeDeployment } from '@daasvader/chain/deployment.ts';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import { SeatedCluster } from '@daasvader/testbed/cluster/seated-cluster.ts';
import { userOf } from '@daasvader/verifier/user.ts';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createWallet } from './wallet.ts';

let seated: SeatedCluster;
let directory: string;
let address: string;

beforeAll(async () => {
  seated = await SeatedCluster.start();
  directory = await mkdtemp(join(tmpdir(), 'daas-cli-'));
  address = await createWallet(join(directory, 'wallet'));
  await writeDeployment(join(directory, 'deployment.json'), seated.deployment);
  await writeFile(join(directory, 'root.pem'), seated.controlPlane.rootPem);
});

afterEach(() => {
  seated.controlPlane.lies = {};
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

function daas(...args: string[]): Promise<Outcome> {
  const env = {
    DAAS_DEPLOYMENT: join(directory, 'deployment.json'),
    DAAS_WALLET: join(directory, 'wallet'),
    DAAS_ROOT: join(directory, 'root.pem'),
    HOME: directory,
  };
  const main = join(import.meta.dirname, 'main.ts');
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env, cwd: directory }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

test('kubeconfig --static verifies, and writes a key of our own with its certificate for us alone', async () => {
  const { exitCode, stdout, stderr } = await daas(
    'kubeconfig',
    '--static',
    '--api',
    seated.controlPlane.url,
    '--json',
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('✓ ca:') });
  expect(JSON.parse(stdout)).toMatchObject({
    file: './kubeconfig',
    role: 'developer',
    namespaces: ['u-test'],
  });
  const file = join(directory, 'kubeconfig');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const text = await readFile(file, 'utf8');
  const config = parse(text);
  expect(config.contexts[0].context.namespace).toBe('no');
  expect(parse(text, { version: '1.1' }), 'as kubectl reads it').toEqual(config);
  const { user } = config.users[0];
  const certificate = new X509Certificate(Buffer.from(user['client-certificate-data'], 'base64'));
  expect(certificate.subject).toBe(`CN=${userOf(address)}`);
  expect(certificate.checkPrivateKey(createPrivateKey(Buffer.from(user['client-key-data'], 'base64')))).toBe(
    true,
  );
});

test('kubeconfig with a CA that was not attested is refused and nothing is written', async () => {
  seated.controlPlane.lies = { ca: (await generateKeys([])).tls.certificate };
  const { exitCode, stderr } = await daas('kubeconfig', '--api', seated.controlPlane.url, '--out', './other');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('the CA certificate differs');
  expect(await readdir(directory)).not.toContainEqual(expect.stringContaining('other'));
});

test('nothing is asked of a control plane that fails a check', async () => {
  seated.controlPlane.lies = { binding: { bootId: new Uint8Array(16) } };
  const { exitCode, stderr } = await daas('kubeconfig', '--api', seated.controlPlane.url);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("the seated enclave's boot id differs");
  expect(stderr).toContain(`saw      ${'00'.repeat(16)}`);
  expect(seated.controlPlane.requests.at(-1)).toBe('/api/v1/attestation');
});

test('nodes lists what the verified control plane says', async () => {
  const worker = { name: 'worker-1', status: 'ready', chain_status: 'active' };
  const data = { master_node: { name: 'nautilus-master', status: 'running' }, worker_nodes: [worker] };
  seated.controlPlane.answers.set('/api/nodes', { status: 'success', data });
  const { stdout } = await daas('nodes', '--api', seated.controlPlane.url);
  expect(stdout.split('\n')[2]).toMatch(/^worker-1 +ready +active$/);
});

test('status shows the chain alone, and with --api what the control plane acts upon', async () => {
  const { stdout } = await daas('status');
  expect(stdout).toContain('1.0.0 in effect');
  expect(stdout.replace(/ +/g, ' ')).toContain(`operator ${seated.controlPlane.operator.toSuiAddress()}`);
  expect(stdout).not.toContain('CONTROL PLANE');
  const follower = { verification: 'CERTIFIED', checkpoint: '12', epoch: '3', heartbeatSeenAtMs: Date.now() };
  seated.controlPlane.answers.set('/readyz', { status: 'ready', follower });
  const asked = await daas('status', '--api', seated.controlPlane.url);
  expect(asked.stdout).toContain('CERTIFIED up to checkpoint 12 of epoch 3');
});
