import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrderCluster } from '@daasvader/testbed/cluster/order-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

const DIGEST = 'ab'.repeat(32);

let cluster: OrderCluster;
let directory: string;

beforeAll(async () => {
  cluster = await OrderCluster.start();
  directory = await mkdtemp(join(tmpdir(), 'daas-user-'));
});

afterAll(async () => {
  await cluster.close();
  await rm(directory, { recursive: true });
});

/** Runs a command of the user's and gives what it prints as JSON; it must succeed. */
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

test('a request to Kubernetes is ordered as it is, from a file or by its digest', async () => {
  const file = join(directory, 'map.json');
  const name = 'settings';
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { a: 'x'.repeat(40_000) },
    }),
  );
  const path = '/api/v1/namespaces/default/configmaps';
  const { requests } = await json('order', 'POST', path, '-f', file);
  expect(requests).toMatchObject([{ status: 'PENDING', method: 'POST', path, name: '' }]);
  const byDigest = await json('order', 'POST', `${path}/${name}`, '-f', file, '--blob', DIGEST);
  expect(byDigest.requests).toMatchObject([{ status: 'PENDING', path: `${path}/${name}` }]);
  const removal = await json('order', 'DELETE', `${path}/${name}`);
  expect(removal.requests).toMatchObject([{ method: 'DELETE' }]);
  expect(await refusal('order', 'POST', '/api/v1/namespaces/default/secrets', '-f', file)).toContain(
    'EBadResource',
  );
  expect(await refusal('order', 'POST', path)).toContain('EBadBody');
});

test('a body that fits into no transaction is named by its blob, up to 3 MiB', async () => {
  const file = join(directory, 'large.json');
  const path = '/api/v1/namespaces/default/configmaps/large';
  await writeFile(file, 'x'.repeat(3 << 20));
  expect(await refusal('order', 'POST', path, '-f', file)).toContain('--walrus-publisher');
  const { requests } = await json('order', 'POST', path, '-f', file, '--blob', DIGEST);
  expect(requests).toMatchObject([{ status: 'PENDING', path }]);
  await writeFile(file, 'x'.repeat((3 << 20) + 1));
  expect(await refusal('order', 'POST', path, '-f', file, '--blob', DIGEST)).toContain('[file]');
  expect(await refusal('order', 'POST', path, '--blob', DIGEST)).toContain('--file');
});

test('only an admin claims namespaces, and gives them up', async () => {
  expect(await refusal('namespace', 'claim', 'dev')).toContain('ENotAdmin');
  await json('stake', '5');
  const { namespace } = await json('namespace', 'claim', 'dev');
  const first = namespace.slice(0, -'-dev'.length);
  expect((await json('namespace', 'list')).namespaces).toEqual([first, namespace]);
  expect(await refusal('namespace', 'claim', 'dev')).toContain('ENamespaceClaimed');
  await json('namespace', 'release', 'dev');
  expect((await json('namespace', 'list')).namespaces).toEqual([first]);
  const { exitCode } = await cluster.daas('namespace', 'claim', 'UPPER');
  expect(exitCode).toBe(2);
});

test('orders are paid for in advance, and what is left is taken back', async () => {
  expect(await json('fees', 'deposit', '0.5')).toMatchObject({ balance: '500000000', fee: '0' });
  expect(await json('fees', 'withdraw', '0.2')).toMatchObject({ balance: '300000000' });
  expect(await json('fees', 'show')).toMatchObject({ balance: '300000000', fee: '0' });
  expect(await refusal('fees', 'withdraw', '1')).toMatch(/\[abort\]/);
});

test('a request that is done is pruned, one that is open is not', async () => {
  const id = await cluster.order('short');
  expect(await refusal('prune', `${id}`)).toContain('ETooEarly');
  await cluster.complete(id);
  expect((await json('prune', `${id}`)).pruned).toEqual([`${id}`]);
  expect(await refusal('requests', `${id}`)).toContain('it was pruned');
  expect((await json('requests')).requests.map((row: { id: string }) => row.id)).not.toContain(`${id}`);
});

test('a name of an image is published, shown, cleared and dropped', async () => {
  await json('image-name', 'publish', 'shop/web:1.0', DIGEST, 'cd'.repeat(32));
  expect(await json('image-name', 'show', 'shop/web:1.0')).toMatchObject({
    digest: DIGEST,
    blobId: 'cd'.repeat(32),
  });
  expect(await refusal('image-name', 'drop', 'shop/web')).toContain('EHasTags');
  await json('image-name', 'remove', 'shop/web:1.0');
  expect(await refusal('image-name', 'show', 'shop/web:1.0')).toContain('[not_found]');
  await json('image-name', 'drop', 'shop/web');
});

test('a proof of a double identity that is none changes nothing', async () => {
  const file = join(directory, 'proof.json');
  const signature = 'ef'.repeat(64);
  const halves = {
    first: DIGEST,
    firstSignature: signature,
    second: 'cd'.repeat(32),
    secondSignature: signature,
  };
  await writeFile(file, JSON.stringify({ nodeId: 'worker-1', counter: '1', ...halves }));
  expect(await refusal('slash', 'worker-1', '--proof', file)).toContain('EBadProof');
  expect(await refusal('slash', 'worker-2', '--proof', file)).toContain('against worker-1, not worker-2');
  await writeFile(file, '{}');
  expect(await refusal('slash', 'worker-1', '--proof', file)).toContain('[file]');
  expect(await refusal('slash', 'worker-1')).toContain('--api');
});

test('what is not there is not closed', async () => {
  expect(await refusal('close', 'enclave', `0x${'9'.repeat(64)}`)).not.toBe('');
});
