import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { IMAGE, LiveCluster } from '@daasvader/testbed/cluster/live-cluster.ts';
import { User } from '@daasvader/testbed/cluster/user.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const CHART = join(import.meta.dirname, 'support/chart');
const BUILD_TIMEOUT_MS = 1_200_000;
const WAIT = ['--wait', '--timeout', '120s'];

const run = promisify(execFile);
const cleanup = new AsyncDisposableStack();
let helm: string;
let user: User;
/** Of `daas proxy`, through which Helm reads and orders. */
let kubeconfig: string;

beforeAll(async () => {
  helm = (await run(join(ROOT, 'testbed/helm/build'))).stdout.trim();
  const { cluster } = cleanup.use(await LiveCluster.start());
  user = await User.create(cluster, 'captain');
  await user.daas('stake', '2');
  await user.untilRole();
  await user.login();
  kubeconfig = await startProxy(cluster.daas.env);
}, BUILD_TIMEOUT_MS);

afterAll(() => cleanup.disposeAsync());

async function startProxy(env: Readonly<Record<string, string>>): Promise<string> {
  const options = ['proxy', '--yes', '--limit', '10', '--wallet', user.wallet];
  const proxy = spawn(join(ROOT, 'bin/daas'), options, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup.defer(async () => {
    proxy.kill('SIGINT');
    await once(proxy, 'exit');
  });
  for await (const line of createInterface(proxy.stdout))
    if (line.startsWith('export KUBECONFIG=')) return line.slice('export KUBECONFIG='.length);
  throw new Error('Cannot start daas proxy: it ended');
}

async function runHelm(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(helm, args, { env: { ...process.env, KUBECONFIG: kubeconfig } }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  return stdout + stderr;
}

function page(): Promise<string> {
  return user.kubectl('get', 'configmap', 'site', '-o', 'jsonpath={.data.page}');
}

/** Of the pods that run, what the container was told. */
async function pagesOfPods(): Promise<string> {
  const args = ['exec', 'deployment/site', '--', 'sh', '-c', 'echo $PAGE'];
  return (await user.kubectl(...args)).trim();
}

test('helm install runs the hook, and waits until all is ready', async () => {
  expect(await runHelm('install', 'site', CHART, '--set', `image=${IMAGE}`, ...WAIT)).toContain(
    'STATUS: deployed',
  );
  expect(await user.kubectl('get', 'job', 'site-migrate', '-o', 'jsonpath={.status.succeeded}')).toBe('1');
  expect(await pagesOfPods()).toBe('first');
});

test('helm upgrade changes what is there, and runs the hook anew', async () => {
  const before = await user.kubectl('get', 'job', 'site-migrate', '-o', 'jsonpath={.metadata.uid}');
  expect(
    await runHelm('upgrade', 'site', CHART, '--set', `image=${IMAGE},page=second,replicas=2`, ...WAIT),
  ).toContain('REVISION: 2');
  expect(await user.kubectl('get', 'deployment', 'site', '-o', 'jsonpath={.status.readyReplicas}')).toBe('2');
  expect(await pagesOfPods()).toBe('second');
  expect(await user.kubectl('get', 'job', 'site-migrate', '-o', 'jsonpath={.metadata.uid}')).not.toBe(before);
});

test('helm rollback brings back what was', async () => {
  expect(await runHelm('rollback', 'site', '1', ...WAIT)).toContain('Rollback was a success');
  expect(await page()).toBe('first');
  expect(await user.kubectl('get', 'deployment', 'site', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
});

test('helm list and history read the releases', async () => {
  expect(await runHelm('list')).toMatch(/site\s.*deployed/);
  expect(await runHelm('history', 'site')).toMatch(/3\s.*deployed\s.*Rollback to 1/);
});

test('what is refused stays out, and says why at once', async () => {
  const output = await runHelm('upgrade', 'site', CHART, '--set', 'image=10.0.0.1/own:1');
  expect(output).toMatch(/Error: UPGRADE FAILED.*registry/s);
  expect(await page()).toBe('first');
});

test('a namespace of nobody opens for no release', async () => {
  const output = await runHelm('install', 'other', CHART, '--namespace', 'mine', '--create-namespace');
  expect(output).toMatch(/Error: INSTALLATION FAILED.*forbidden.* in the namespace "mine"/s);
});

test('helm uninstall leaves nothing of the release', async () => {
  expect(await runHelm('uninstall', 'site', ...WAIT)).toContain('uninstalled');
  const left = [
    'get',
    'deployments,services,configmaps,serviceaccounts',
    '-l',
    'app.kubernetes.io/instance=site',
    '-o',
    'name',
  ];
  expect(await user.kubectl(...left)).toBe('');
  expect(await runHelm('list', '-q')).toBe('');
});
