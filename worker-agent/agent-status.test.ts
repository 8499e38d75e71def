import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { agentStatus } from './agent-status.ts';
import type { WorkerConfig } from './config.ts';
import { serveHealth } from './health.ts';
import { AgentState } from './state.ts';

let server: Server;

afterEach(() => {
  server.closeAllConnections();
  server.close();
});

function ask(port = (server.address() as AddressInfo).port) {
  return agentStatus({ node: { port }, security: {} } as WorkerConfig);
}

test('an agent says how it is', async () => {
  const state = new AgentState('worker-1', 'given');
  server = await serveHealth(state, {
    port: 0,
    tls: undefined,
    sealToken: () => '',
    nodeMetrics: '',
  });
  await expect(ask()).resolves.toEqual({
    nodeId: 'worker-1',
    phase: 'verifying',
    reachable: false,
    root: 'given',
  });
});

test.each([
  ['a page', '<html>', 'another program has it'],
  ['JSON of another kind', '{"phase":"elsewhere"}', 'another program has it'],
  ['an answer without end', `"${'x'.repeat(1 << 20)}"`, 'exceeded'],
])('%s is no agent', async (_name, body, why) => {
  server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await expect(ask()).rejects.toMatchObject({ code: 'config', message: expect.stringContaining(why) });
});

test('where nobody listens no agent runs', async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await expect(ask(port)).resolves.toBeUndefined();
});
