import { Fence } from '@daasvader/enclave/kube/fence.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The control plane alone, without nodes: what the API server itself refuses.

const NODE_PATH = '/api/v1/nodes/worker-1';
/** The fence's list takes a moment to come into force; what is asked meanwhile is not stored. */
const SOON = { timeout: 10_000 };

let server: BareServer;
let kubernetes: Kubernetes;

beforeAll(async () => {
  server = await BareServer.start();
  kubernetes = server.kubernetes;
  for (const object of clusterBaseline()) await kubernetes.apply(object);
});

afterAll(() => server?.[Symbol.asyncDispose]());

const call: BareServer['call'] = (...args) => server.call(...args);

test('a node that is expelled is cut off at once, and let in again when it is reinstated', async () => {
  const node = await server.caller('system:node:worker-1', 'system:nodes');
  const fence = new Fence(kubernetes);
  const status = async () => (await call('GET', NODE_PATH, node)).status;
  expect(await status()).not.toBe(401);
  const selector = 'watch=true&fieldSelector=metadata.name%3Dworker-1';
  const watching = call('GET', `/api/v1/nodes?${selector}`, node);
  await fence.close('worker-1');
  expect(await watching).toMatchObject({ status: 200 }); // it ended
  await expect.poll(status, SOON).toBe(401);
  await fence.open('worker-1');
  await expect.poll(status, SOON).not.toBe(401);
});

test('without a credential the API server tells nothing but its health', async () => {
  for (const path of ['/livez', '/readyz', '/healthz'])
    expect(await call('GET', path, {}), path).toMatchObject({ status: 200 });
  for (const path of ['/', '/api', '/apis', '/version', '/openapi/v3', '/metrics', '/api/v1/namespaces'])
    expect(await call('GET', path, {}), path).toMatchObject({ status: 401 });
  for (const path of ['//api/v1/secrets', '/api/v1/attestation/../secrets', '/livez/../api/v1/secrets'])
    expect((await call('GET', path, {})).status, path).not.toBe(200);
});
