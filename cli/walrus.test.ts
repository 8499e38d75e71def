import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Walrus } from '@daasvader/testbed/walrus/walrus.ts';
import { expect, test } from 'vitest';
import { storeBlob } from './walrus.ts';

test('what was stored is there under the id that is told, as when it is stored again', async () => {
  const walrus = await Walrus.start();
  const bytes = Buffer.from('hello');
  const id = await storeBlob(`${walrus.url}/`, 5, bytes);
  expect(id).toHaveLength(32);
  expect(await storeBlob(walrus.url, 1, bytes)).toEqual(id);
  const stored = await fetch(`${walrus.url}/v1/blobs/${Buffer.from(id).toString('base64url')}`);
  expect(await stored.text()).toBe('hello');
  await walrus.close();
  await expect(storeBlob(walrus.url, 1, bytes)).rejects.toMatchObject({ code: 'walrus' });
});

test.each([
  [200, '{}', 'names no blob'],
  [200, 'hello', 'names no blob'],
  [200, '{"alreadyCertified": {"blobId": "../../etc"}}', 'names no blob'],
  [200, 'x'.repeat(1 << 20), 'too long'],
  [402, 'pay first', 'answered 402: pay first'],
])('a publisher that answers %s with %.20s stored nothing', async (status, body, why) => {
  const server = createServer((_request, response) => response.writeHead(status).end(body)).listen(0);
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(storeBlob(url, 1, Buffer.from('hello'))).rejects.toThrow(
    expect.objectContaining({ code: 'walrus', message: expect.stringContaining(why) }),
  );
  server.closeAllConnections();
  server.close();
});
