import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serveHealth } from './health.ts';
import { AgentState } from './state.ts';

const SEAL_TOKEN = 'ab'.repeat(32);
let state: AgentState;
let server: Server;
let port: number;
/** Stands for `k3s agent`; it answers what is asked of it next. */
let node: Server;
let nodeMetrics: string;

beforeEach(async () => {
  state = new AgentState('worker-1', 'AWS');
  node = createServer((_, response) => response.end('daasvader_network_lines_total 7\n'));
  await once(node.listen(0, '127.0.0.1'), 'listening');
  nodeMetrics = `http://127.0.0.1:${(node.address() as AddressInfo).port}/metrics`;
  server = await serveHealth(state, { port: 0, tls: undefined, sealToken: () => SEAL_TOKEN, nodeMetrics });
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  server.close();
  node.close();
});

const get = (path: string, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers });

test('is alive at once, and ready only while the node runs', async () => {
  expect((await get('/healthz')).status).toBe(200);
  const before = await get('/readyz');
  expect([before.status, await before.text()]).toEqual([503, 'verifying\n']);
  state.enter('joining');
  state.enter('running');
  expect((await get('/readyz')).status).toBe(200);
  state.enter('refused');
  expect((await get('/readyz')).status).toBe(503);
});

test('without a certificate it listens on loopback only', () => {
  expect((server.address() as AddressInfo).address).toBe('127.0.0.1');
});

test.each([
  ['no token', {}],
  ['another token', { authorization: `Bearer ${'cd'.repeat(32)}` }],
  ['a shorter token', { authorization: `Bearer ${SEAL_TOKEN.slice(2)}` }],
  ['another scheme', { authorization: `Basic ${SEAL_TOKEN}` }],
])('metrics are refused to who brings %s', async (_name, headers) => {
  for (const path of ['/metrics', '/api/v1/metrics', '/metrics/node'])
    expect((await get(path, headers)).status).toBe(401);
});

test('metrics are served to who brings the seal token', async () => {
  const answer = await get('/api/v1/metrics', { authorization: `Bearer ${SEAL_TOKEN}` });
  expect(await answer.text()).toContain('worker_phase{phase="verifying"} 1');
});

test("the node's own metrics are passed on while it has some", async () => {
  const authorization = `Bearer ${SEAL_TOKEN}`;
  const answer = await get('/metrics/node', { authorization });
  expect(await answer.text()).toBe('daasvader_network_lines_total 7\n');
  node.closeAllConnections();
  await once(node.close(), 'close');
  expect((await get('/metrics/node', { authorization })).status).toBe(503);
});

test('a taken port and an absent certificate are told by what to change', async () => {
  const options = { tls: undefined, sealToken: () => SEAL_TOKEN, nodeMetrics };
  await expect(serveHealth(state, { ...options, port })).rejects.toThrow(/change node\.port/);
  const tls = { cert: '/nonexistent/crt', key: '/nonexistent/key' };
  await expect(serveHealth(state, { ...options, port: 0, tls })).rejects.toMatchObject({ code: 'config' });
});
