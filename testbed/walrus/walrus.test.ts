import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Walrus } from './walrus.ts';

let walrus: Walrus;

beforeAll(async () => {
  walrus = await Walrus.start();
});

afterAll(() => walrus.close());

const put = (body: BodyInit, query = 'epochs=2') =>
  fetch(`${walrus.url}/v1/blobs?${query}`, { method: 'PUT', body });

test('what was published is there under its id, and publishing it again says so', async () => {
  const bytes = randomBytes(300_000);
  const { newlyCreated } = (await (await put(bytes)).json()) as {
    newlyCreated: { blobObject: { blobId: string; size: number } };
  };
  const { blobId, size } = newlyCreated.blobObject;
  expect(size).toBe(bytes.length);
  expect(Buffer.from(blobId, 'base64url')).toHaveLength(32);
  expect(await (await put(bytes)).json()).toMatchObject({ alreadyCertified: { blobId } });
  const answer = await fetch(`${walrus.url}/v1/blobs/${blobId}`);
  expect(answer.headers.get('server')).toContain('stand-in');
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
});

test('what is not there, not for it or too large is refused as Walrus does', async () => {
  const missing = await fetch(`${walrus.url}/v1/blobs/${randomBytes(32).toString('base64url')}`);
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ error: { status: 'NOT_FOUND' } });
  expect((await fetch(`${walrus.url}/v1/blobs/..%2f`)).status).toBe(404);
  expect((await put('x', 'epochs=0')).status).toBe(400);
  expect((await put(new Uint8Array((10 << 20) + 1))).status).toBe(413);
});
