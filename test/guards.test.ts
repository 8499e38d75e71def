import { Fence } from '@daasvader/enclave/kube/fence.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { BareServer } from '@daasvader/testbed/cluster/bare-server.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The control plane alone, without nodes: what the API server itself refuses.

const NODE_PATH = '/api/v1/nodes/worker-1';
/** A policy, and the fence's list, take a moment to come into force; what is asked meanwhile is not stored. */
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
const administrator = () => server.administrator;

const secret = (name: string, type: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, annotations: { 'kubernetes.io/service-account.name': 'default' } },
  type,
});

test('nobody makes a Secret that Kubernetes fills with a token without end', async () => {
  const path = '/api/v1/namespaces/default/secrets?dryRun=All';
  const make = (name: string, type: string) => call('POST', path, administrator(), secret(name, type));
  await expect
    .poll(() => make('lasting', 'kubernetes.io/service-account-token'), SOON)
    .toMatchObject({
      status: 422,
      text: expect.stringContaining('no-lasting-tokens'),
    });
  expect(await make('ordinary', 'Opaque')).toMatchObject({ status: 201 });
});

test('nobody makes a Secret for which a namespace would wait for ever when it is deleted', async () => {
  const path = '/api/v1/namespaces/default/secrets?dryRun=All';
  const make = (finalizers: readonly string[]) =>
    call('POST', path, administrator(), {
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque' },
      metadata: { name: 'lasting', finalizers },
    });
  await expect
    .poll(() => make(['example.com/never']), SOON)
    .toMatchObject({ status: 422, text: expect.stringContaining('no-finalizers') });
  expect(await make([])).toMatchObject({ status: 201 });
});

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
