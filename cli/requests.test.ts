import { OrderCluster } from '@daasvader/testbed/cluster/order-cluster.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatRequests, type RequestRow } from './requests.ts';

let cluster: OrderCluster;

beforeAll(async () => {
  cluster = await OrderCluster.start();
});

afterAll(() => cluster.close());

const ROW: RequestRow = {
  ...{ id: '7', status: 'FAILED', requester: '0x7', workers: ['worker-1'], resultDigest: '' },
  ...{ method: 'POST', path: '/apis/apps/v1/namespaces/default/deployments', name: 'web' },
  ...{ reason: 'no', applied: false, outcome: null },
};

test('a request that failed says what it was about, why it failed and whether it is applied', async () => {
  const [first, second] = [await cluster.order('web'), await cluster.order('api')];
  for (const id of [first, second]) await cluster.assign(id);
  await cluster.fail(first, 'Deployment web is not ready after 300 s', true);
  await cluster.fail(second, 'quota', false);
  const ids = [`${first}`, `${second}`];
  const { exitCode, stdout } = await cluster.daas('requests', ...ids);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /FAILED +POST deployments\/web +worker-1 +applied: Deployment web is not ready after 300 s/,
  );
  expect(stdout).toMatch(/FAILED +POST deployments\/api +worker-1 +not applied: quota/);
  const { requests } = JSON.parse((await cluster.daas('requests', ...ids, '--json')).stdout);
  const [path, status] = ['/apis/apps/v1/namespaces/default/deployments', 'FAILED'];
  expect(requests).toMatchObject([
    {
      method: 'POST',
      path,
      name: 'web',
      status,
      applied: true,
      reason: expect.stringContaining('not ready'),
    },
    { method: 'POST', path, name: 'api', status, applied: false, reason: 'quota' },
  ]);
});

test('a request that is open or completed has neither reason nor outcome', async () => {
  const id = await cluster.order('done');
  await cluster.complete(id);
  const { requests } = JSON.parse((await cluster.daas('requests', `${id}`, '--json')).stdout);
  expect(requests).toMatchObject([{ status: 'COMPLETED', reason: '', applied: null, outcome: null }]);
});

test('a number that no request has is told, with where to look', async () => {
  const { exitCode, stderr } = await cluster.daas('requests', '999');
  expect(exitCode).toBe(1);
  expect(stderr).toContain(
    'there is none of that number, or it was pruned; daas requests shows the newest [not_found]',
  );
});

test('a request by manifest is about the resource, and in a namespace by its full name says which', () => {
  const path = '/api/v1/namespaces/u-abc/configmaps';
  expect(formatRequests([{ ...ROW, path, name: '' }])).toContain('POST configmaps -n u-abc ');
  const named = { ...ROW, method: 'DELETE', path: `${path}/settings`, name: '' };
  expect(formatRequests([named])).toContain('DELETE configmaps/settings -n u-abc ');
  const scale = { ...ROW, method: 'PATCH', path: `${path}/settings/scale`, name: '' };
  expect(formatRequests([scale])).toContain('PATCH configmaps/settings/scale -n u-abc ');
});

test('a reason writes one line, and nothing that moves the cursor', () => {
  const reason = 'bad\u001b[2J\r\nREQUEST 8 COMPLETED\u202e';
  const table = formatRequests([{ ...ROW, reason }]);
  expect(table.split('\n')).toHaveLength(3);
  expect(table).toContain(String.raw`not applied: bad\u001b[2J\u000d\u000aREQUEST 8 COMPLETED\u202e`);
});
