import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import { answer } from '@daasvader/enclave/kube/csr-approver.ts';
import { Fence } from '@daasvader/enclave/kube/fence.ts';
import { K3s } from '@daasvader/enclave/kube/k3s.ts';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { clusterBaseline } from '@daasvader/enclave/kube/roles.ts';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findK3s } from '../scripts/demo/k3s.ts';

// The control plane alone, without nodes: what the API server itself refuses.

const NODE_PATH = '/api/v1/nodes/worker-1';
/** A policy, and the fence's list, take a moment to come into force; what is asked meanwhile is not stored. */
const SOON = { timeout: 10_000 };
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

let directory: string;
let k3s: K3s;
let kubernetes: Kubernetes;
let ca: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guards-'));
  k3s = await K3s.start({
    binary: await findK3s(new AbortController().signal),
    dataDir: join(directory, 'k3s'),
    apiSocket: join(directory, 'api.sock'),
    names: [],
    externalUrl: 'https://127.0.0.1:6443',
    clusterCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    log: pino({ enabled: false }),
    onRestart: () => undefined,
  });
  kubernetes = await k3s.ready();
  ca = await k3s.serverCa();
  for (const object of clusterBaseline()) await kubernetes.apply(object);
});

afterAll(async () => {
  await k3s.stop();
  await rm(directory, { recursive: true, force: true });
});

interface Caller {
  readonly cert?: string;
  readonly key?: string;
}

/** Calls the API server; resolves when the answer has ended. */
async function call(
  path: string,
  caller: Caller,
  body?: object,
  headers: Record<string, string | string[]> = {},
) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const options = { host: '127.0.0.1', port: k3s.port, path, ca, ...caller, agent: false };
  const sent = request({ ...options, method: body ? 'POST' : 'GET' }, (response) => {
    let text = '';
    response.on('data', (part) => (text += part));
    response.on('close', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  sent.on('error', reject);
  sent.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
  sent.end(body && JSON.stringify(body));
  return promise;
}

function administrator(): Caller {
  const { certData, keyData } = kubernetes.config.getCurrentUser() ?? {};
  const decode = (text = '') => Buffer.from(text, 'base64').toString();
  return { cert: decode(certData), key: decode(keyData) };
}

const secret = (name: string, type: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, annotations: { 'kubernetes.io/service-account.name': 'default' } },
  type,
});

test('nobody makes a Secret that Kubernetes fills with a token without end', async () => {
  const path = '/api/v1/namespaces/default/secrets?dryRun=All';
  const make = (name: string, type: string) => call(path, administrator(), secret(name, type));
  await expect
    .poll(() => make('lasting', 'kubernetes.io/service-account-token'), SOON)
    .toMatchObject({
      status: 422,
      text: expect.stringContaining('no-lasting-tokens'),
    });
  expect(await make('ordinary', 'Opaque')).toMatchObject({ status: 201 });
});

/** A node's certificate, as its kubelet gets it. */
async function nodeCertificate(): Promise<Caller> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const name = 'O=system:nodes, CN=system:node:worker-1';
  const csr = await Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: ALGORITHM });
  const created = await kubernetes.certificates.createCertificateSigningRequest({
    body: {
      metadata: { name: 'worker-1' },
      spec: {
        request: Buffer.from(csr.toString('pem')).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
      },
    },
  });
  await answer(kubernetes, created, { verdict: 'approve', reason: 'test' });
  const read = async () =>
    (await kubernetes.certificates.readCertificateSigningRequest({ name: 'worker-1' })).status?.certificate;
  await expect.poll(read, SOON).toBeTruthy();
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
  return { cert: Buffer.from((await read()) ?? '', 'base64').toString(), key };
}

test('a node that is expelled is cut off at once, and let in again when it is reinstated', async () => {
  const node = await nodeCertificate();
  const fence = new Fence(kubernetes);
  const status = async () => (await call(NODE_PATH, node)).status;
  expect(await status()).not.toBe(401);
  const selector = 'watch=true&fieldSelector=metadata.name%3Dworker-1';
  const watching = call(`/api/v1/nodes?${selector}`, node);
  await fence.close('worker-1');
  expect(await watching).toMatchObject({ status: 200 }); // it ended
  await expect.poll(status, SOON).toBe(401);
  await fence.open('worker-1');
  await expect.poll(status, SOON).not.toBe(401);
});

test('without a credential the API server tells nothing but its health', async () => {
  for (const path of ['/livez', '/readyz', '/healthz'])
    expect(await call(path, {}), path).toMatchObject({ status: 200 });
  for (const path of ['/', '/api', '/apis', '/version', '/openapi/v3', '/metrics', '/api/v1/namespaces'])
    expect(await call(path, {}), path).toMatchObject({ status: 401 });
  for (const path of ['//api/v1/secrets', '/api/v1/attestation/../secrets', '/livez/../api/v1/secrets'])
    expect((await call(path, {})).status, path).not.toBe(200);
});
