import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrderCluster } from '@daasvader/testbed/cluster/order-cluster.ts';
import { Walrus } from '@daasvader/testbed/walrus/walrus.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let cluster: OrderCluster;
let walrus: Walrus;
let directory: string;

beforeAll(async () => {
  [cluster, walrus] = await Promise.all([OrderCluster.start(), Walrus.start()]);
  directory = await mkdtemp(join(tmpdir(), 'daas-apply-'));
});

afterAll(async () => {
  await Promise.all([cluster.close(), walrus.close()]);
  await rm(directory, { recursive: true });
});

async function write(name: string, ...documents: object[]): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, documents.map((document) => JSON.stringify(document)).join('\n---\n'));
  return file;
}

const configMap = (name: string, bytes = 0) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { random: randomBytes(bytes / 2).toString('hex') },
});
const DEPLOYMENT = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: {} };

async function json(...args: string[]) {
  const { stdout, stderr, exitCode } = await cluster.daas(...args, '--json');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  return JSON.parse(stdout);
}

async function refusal(...args: string[]): Promise<string> {
  const { exitCode, stderr } = await cluster.daas(...args);
  expect(exitCode).toBe(1);
  return stderr;
}

const newest = async () => (await json('requests')).requests.at(-1)?.id;

test('manifests are ordered in one transaction, what others refer to first, and deleted the other way round', async () => {
  const file = await write('site.yaml', DEPLOYMENT, configMap('site'));
  const { digest, objects } = await json('apply', '-f', file);
  expect(digest).toMatch(/^\w+$/);
  expect(objects).toMatchObject([
    { file, kind: 'ConfigMap', name: 'site', namespace: 'default', status: 'PENDING' },
    { file, kind: 'Deployment', name: 'web', namespace: 'default', status: 'PENDING' },
  ]);
  const [first, second] = objects.map(({ request }: { request: string }) => BigInt(request));
  expect(second).toBe(first + 1n);
  const { requests } = await json('requests', `${first}`, `${second}`);
  expect(requests).toMatchObject([
    { method: 'PATCH', path: '/api/v1/namespaces/default/configmaps/site' },
    { method: 'PATCH', path: '/apis/apps/v1/namespaces/default/deployments/web' },
  ]);
  const removed = (await json('delete', '-f', file)).objects;
  expect(removed).toMatchObject([{ kind: 'Deployment' }, { kind: 'ConfigMap' }]);
  const [{ method }] = (await json('requests', removed[0].request)).requests;
  expect(method).toBe('DELETE');
});

test('while it waits each object is told, and a part that fails is told as such', async () => {
  const file = await write('two.yaml', configMap('good'), configMap('bad'));
  const running = cluster.run('user', 'apply', '-f', file, '--wait', '50');
  const [, good = '', bad = ''] =
    /request (\d+), request (\d+)/.exec(await running.told(/ordered: .*\n/)) ?? [];
  await cluster.complete(BigInt(good));
  await running.told(/configmap\/good: COMPLETED/);
  await cluster.fail(BigInt(bad), 'quota\u001b[2J', false);
  const { exitCode, stdout, stderr } = await running.ended;
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^ConfigMap\/good +\d+ +COMPLETED$/m);
  expect(stdout).toMatch(/^ConfigMap\/bad +\d+ +FAILED +not applied: quota\\u001b\[2J$/m);
  expect(stderr).toContain('configmap/bad: FAILED quota\\u001b[2J\n');
});

describe('what has no room in the transaction', () => {
  test('is stored on Walrus, and the rest goes as it is', async () => {
    const large = configMap('large', 300_000);
    const file = await write('large.yaml', configMap('small', 1_000), large);
    const { objects } = await json('apply', '-f', file, '--walrus-publisher', walrus.url);
    expect(objects).toMatchObject([{ name: 'small' }, { name: 'large', status: 'PENDING' }]);
    const path = '/api/v1/namespaces/default/configmaps';
    const { requests } = await json(
      'order',
      'PUT',
      `${path}/large`,
      '-f',
      file,
      '--walrus-publisher',
      walrus.url,
    );
    expect(requests).toMatchObject([{ method: 'PUT' }]);
  });

  test('is refused where nobody stores it, together or alone, and nothing is ordered', async () => {
    const before = await newest();
    const together = await write('together.yaml', configMap('a', 60_000), configMap('b', 70_000));
    expect(await refusal('apply', '-f', together)).toMatch(/configmaps\/b.*--walrus-publisher/);
    const file = await write('huge.yaml', configMap('huge', 3 << 20));
    expect(await refusal('apply', '-f', file, '--walrus-publisher', walrus.url)).toContain(
      'Kubernetes takes',
    );
    const { url } = walrus;
    expect(await refusal('apply', '-f', together, '--walrus-publisher', `${url}/wrong`)).toContain(
      '[walrus]',
    );
    expect(await newest()).toBe(before);
  });

  test('is refused where its name stands in it alone, and nothing is stored or ordered', async () => {
    const before = await newest();
    const file = await write('nameless.yaml', configMap('nameless', 300_000));
    const order = ['order', 'POST', '/api/v1/namespaces/default/configmaps', '-f', file];
    for (const where of [
      ['--walrus-publisher', walrus.url],
      ['--blob', 'ab'.repeat(32)],
    ])
      expect(await refusal(...order, ...where)).toContain('add the name of the object to the path');
    expect(await newest()).toBe(before);
  });
});

test('Secrets never go on chain, nor does what stands beside them before they are written', async () => {
  const before = await newest();
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, stringData: { a: 'hidden' } };
  const file = await write('secret.yaml', configMap('beside'), secret);
  for (const args of [['apply'], ['delete']])
    expect(await refusal(...args, '-f', file)).toContain('name it with --api');
  expect(await newest()).toBe(before);
});

test('what are no manifests of tenants is refused in a line, and wrong usage is exit code 2', async () => {
  const file = join(directory, 'compose.yaml');
  await writeFile(file, 'services: {web: {image: nginx}}\n');
  expect(await refusal('apply', '-f', file)).toMatch(/^daas: .*Compose file.*\n$/);
  const node = await write('node.yaml', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
  expect(await refusal('apply', '-f', node)).toContain('Node of v1 is not ordered');
  for (const args of [['apply'], ['delete'], ['delete', 'web', '-f', file]])
    expect((await cluster.daas(...args)).exitCode).toBe(2);
});
