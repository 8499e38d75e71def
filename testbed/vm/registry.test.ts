import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Image, sha256 } from './image-archive.ts';
import { Registry } from './registry.ts';

const IMAGE: Image = {
  references: ['registry.example/group/app:1', 'registry.example/group/app:2'],
  layers: [Buffer.from('lower'), Buffer.from('upper')],
  config: { Cmd: ['sh'] },
};

let registry: Registry;
beforeAll(async () => {
  registry = await Registry.start([IMAGE], '127.0.0.1');
});
afterAll(() => registry[Symbol.asyncDispose]());

const get = (path: string, method = 'GET') => fetch(`${registry.url}/v2/${path}`, { method });

test('an image is pulled by tag: manifest, configuration and layers by their digests', async () => {
  const answer = await get('group/app/manifests/2');
  const digest = answer.headers.get('docker-content-digest') ?? '';
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(digest).toBe(`sha256:${sha256(bytes)}`);
  expect(await (await get(`group/app/manifests/${digest}`)).text()).toBe(bytes.toString());
  const { config, layers } = JSON.parse(bytes.toString());
  expect(await (await get(`group/app/blobs/${config.digest}`)).json()).toMatchObject({
    config: { Cmd: ['sh'] },
  });
  const contents = layers.map(async (layer: { digest: string }) =>
    (await get(`group/app/blobs/${layer.digest}`)).text(),
  );
  expect(await Promise.all(contents)).toEqual(['lower', 'upper']);
});

test('what is not there is not found, and a question for the head has no body', async () => {
  expect((await get('group/app/manifests/3')).status).toBe(404);
  expect((await get(`group/app/blobs/sha256:${'0'.repeat(64)}`)).status).toBe(404);
  const head = await get('group/app/manifests/1', 'HEAD');
  expect([head.status, await head.text()]).toEqual([200, '']);
});
