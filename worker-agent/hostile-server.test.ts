import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { generateKeys } from '@daasvader/enclave/boot/keys.ts';
import type { Cluster } from '@daasvader/verifier/cluster.ts';
import { verifyControlPlane } from '@daasvader/verifier/verify.ts';
import { afterEach, beforeAll, expect, test } from 'vitest';

let identity: { key: string; cert: string };
const servers: { close(): unknown; closeAllConnections?(): void }[] = [];

beforeAll(async () => {
  const { tls } = await generateKeys([]);
  identity = { key: tls.key, cert: tls.certificate };
});

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections?.();
  }
});

async function serve(handle: RequestListener, options: ServerOptions = {}): Promise<string> {
  const server: Server = createServer({ ...identity, ...options }, handle).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As the agent does before it starts anything; what the chain says is not reached. */
const verify = (apiEndpoint: string) =>
  verifyControlPlane({
    apiEndpoint,
    readCluster: async () => ({}) as Cluster,
    root: undefined,
    report: () => expect.unreachable('no check passes'),
  });

test('a body that never ends is given up', async () => {
  let sent = 0;
  const url = await serve((_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const fill = () => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
    };
    response.on('drain', fill);
    fill();
  });
  await expect(verify(url)).rejects.toMatchObject({
    code: 'malformed',
    message: expect.stringContaining('longer than'),
  });
  expect(sent).toBeLessThan(64 << 20);
});

test('a redirect is not followed', async () => {
  let reached = 0;
  const elsewhere = await serve((_request, response) => {
    reached += 1;
    response.end('{}');
  });
  const url = await serve((_request, response) => response.writeHead(302, { location: elsewhere }).end());
  await expect(verify(url)).rejects.toMatchObject({ code: 'refused' });
  expect(reached).toBe(0);
});

test.each<[string, RequestListener, string]>([
  ['no JSON', (_request, response) => response.end('<html>'), 'malformed'],
  ['other JSON', (_request, response) => response.end('[]'), 'malformed'],
  [
    'base64 that is none',
    (_request, response) => response.end('{"document":"!","binding":"!"}'),
    'malformed',
  ],
  ['an empty binding', (_request, response) => response.end('{"document":"","binding":""}'), 'check'],
  ['a failure', (_request, response) => response.writeHead(500).end(), 'unreachable'],
  ['nothing, and hangs up', (request) => request.socket.destroy(), 'unreachable'],
  [
    'headers without end',
    (_request, response) => response.writeHead(200, { x: 'x'.repeat(100_000) }).end('{}'),
    'unreachable',
  ],
])('a server that answers %s is not trusted', async (_name, handle, code) => {
  await expect(verify(await serve(handle))).rejects.toMatchObject({ code });
});

test('a server without TLS 1.3 is not spoken to', async () => {
  const url = await serve((_request, response) => response.end('{}'), { maxVersion: 'TLSv1.2' });
  await expect(verify(url)).rejects.toMatchObject({ code: 'unreachable' });
});

test('a server without TLS is not spoken to', async () => {
  const server = createTcpServer(
    (socket) => void socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\n\r\n'),
  );
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await expect(verify(`https://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'unreachable' });
});
