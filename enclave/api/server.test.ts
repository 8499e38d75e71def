import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { HybridGuest } from '@daasvader/vsock/hybrid-guest.ts';
import { HybridHost } from '@daasvader/vsock/hybrid-host.ts';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Audit } from '../audit/audit.ts';
import { generateKeys } from '../boot/keys.ts';
import { ClusterState } from '../chain/cluster-state.ts';
import { EnclaveError } from '../error.ts';
import { BootstrapTokens } from '../kube/bootstrap-tokens.ts';
import { Join } from '../kube/join.ts';
import { JoinCounters } from '../kube/join-counters.ts';
import { objectOf } from '../kube/replay.ts';
import { joinRoutes } from './join.ts';
import { createApi, listenTls } from './server.ts';

const TOKEN = 'ab'.repeat(32);
const BODY = {
  ...{ node_id: 'worker-1', seal_token: TOKEN, ip_address: '10.77.0.2' },
  ...{ nonce: 'cd'.repeat(32), counter: '1', signature: 'ef'.repeat(64) },
};
const keys = await generateKeys(['localhost', '127.0.0.1']);

let directory: string;
let guest: HybridGuest;
let isFresh: boolean;

beforeEach(async () => {
  directory = await mkdtemp(joinPath(tmpdir(), 'enclave-api-'));
  guest = await HybridGuest.open(joinPath(directory, 'vsock'));
  isFresh = true;
  const state = new ClusterState(objectOf);
  const tokens = new BootstrapTokens({ apply: async (object) => object, delete: async () => undefined });
  const counters = new JoinCounters({
    ...{ state, clusterId: '0x0', bootId: new Uint8Array(16) },
    onDoubleIdentity: () => undefined,
  });
  const join = new Join({
    state,
    tokens,
    counters,
    audit: new Audit(() => undefined),
    clusterId: '0x0',
    caPem: '',
    apiServer: '',
    chainTime: () => 0,
  });
  const assertFresh = () => {
    if (!isFresh) throw new EnclaveError('stale', 'Cannot admit anyone');
  };
  await listenTls(createApi([joinRoutes(join, assertFresh)], pino({ enabled: false })), guest, keys.tls);
});

afterEach(async () => {
  guest.close();
  await rm(directory, { recursive: true, force: true });
});

/** Sends a request over vsock and TLS, as a worker does through the host's relay. */
async function send(method: string, path: string, body = '', headers: Record<string, string> = {}) {
  const socket = await new HybridHost(joinPath(directory, 'vsock')).connect(8443);
  const call = request({ method, path, headers, socket, rejectUnauthorized: false, agent: false } as object);
  call.end(body);
  const [response] = await once(call, 'response');
  const { version } = { version: (response.socket as TLSSocket).getProtocol() };
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part);
  return { status: response.statusCode, version, problem: JSON.parse(Buffer.concat(parts).toString()) };
}

const bearer = { authorization: `Bearer ${TOKEN}` };

test('what is refused is a problem document with a code, over TLS 1.3', async () => {
  const answer = await send('POST', '/api/v1/register-worker', JSON.stringify(BODY), bearer);
  expect(answer).toMatchObject({ status: 403, version: 'TLSv1.3', problem: { code: 'join', status: 403 } });
  expect(answer.problem.detail).toContain('no such worker');
});

test.each([
  ['another bearer token', JSON.stringify(BODY), {}, 401, 'join'],
  ['a body that is not JSON', '{', bearer, 400, 'request'],
  ['an unknown field', JSON.stringify({ ...BODY, role: 'admin' }), bearer, 400, 'request'],
  [
    'a known field twice, of which the last counts',
    JSON.stringify(BODY).replace('{', `{"seal_token":"${TOKEN.slice(2)}",`),
    bearer,
    403,
    'join',
  ],
  [
    'an unknown field beside the one that it hides',
    JSON.stringify(BODY).replace('{', '{"__proto__":{"role":"admin"},'),
    bearer,
    400,
    'request',
  ],
  ['a short seal token', JSON.stringify({ ...BODY, seal_token: 'ab' }), bearer, 400, 'request'],
  ['an address that is none', JSON.stringify({ ...BODY, ip_address: 'localhost' }), bearer, 400, 'request'],
  ['a body that is too large', ' '.repeat(300_000), bearer, 413, 'too-large'],
])('%s is refused', async (_, body, headers, status, code) => {
  expect(
    await send('POST', '/api/v1/register-worker', body, headers as Record<string, string>),
  ).toMatchObject({
    status,
    problem: { code },
  });
});

test.each([
  '/api/v1/%72egister-worker',
  '/api%2fv1%2fregister-worker',
  '//api/v1/register-worker',
  '/x/../api/v1/register-worker',
])('the path %s is nobody\u2019s', async (path) => {
  expect((await send('POST', path, JSON.stringify(BODY), bearer)).status).toBe(404);
});

test('headers that never end are cut off', { timeout: 30_000 }, async () => {
  const socket = connect({
    socket: await new HybridHost(joinPath(directory, 'vsock')).connect(8443),
    rejectUnauthorized: false,
  });
  socket.write('GET /healthz HTTP/1.1\r\nx-slow: ');
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part);
  expect(Buffer.concat(parts).toString()).toMatch(/^HTTP\/1\.1 408 /);
});

test('nobody joins on old news', async () => {
  isFresh = false;
  const answer = await send('POST', '/api/v1/register-worker', JSON.stringify(BODY), bearer);
  expect(answer).toMatchObject({ status: 503, problem: { code: 'stale' } });
});

test('the paths of Kubernetes say where Kubernetes is', async () => {
  expect(await send('GET', '/api/v1/pods')).toMatchObject({
    status: 404,
    problem: { detail: expect.stringContaining('6443') },
  });
  expect(await send('GET', '/elsewhere')).toMatchObject({ status: 404, problem: { code: 'not-found' } });
});
