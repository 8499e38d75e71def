import { expect, test } from 'vitest';
import { AnyNode } from './any-node.ts';

const URLS = ['http://one', 'http://two', 'http://three'];

/** Full nodes of which some do not work; `asked` says who was asked. */
function nodes(broken: Record<string, 'down' | 'failing'>) {
  const asked: string[] = [];
  const fetch = (async (input: RequestInfo | URL) => {
    const { origin } = new URL(`${input}`);
    asked.push(origin);
    if (broken[origin] === 'down') throw new TypeError('fetch failed');
    return new Response('', { status: broken[origin] === 'failing' ? 503 : 404 });
  }) as typeof globalThis.fetch;
  const subject = new AnyNode('devnet', URLS, fetch);
  const ask = () =>
    subject.client.ledgerService.getServiceInfo({}).response.then(
      () => 'answered',
      () => 'refused',
    );
  return { subject, asked, ask };
}

test('the first one is asked, and stays preferred while it answers', async () => {
  const { asked, ask } = nodes({});
  await ask();
  await ask();
  expect(asked).toEqual(['http://one', 'http://one']);
});

test('what one cannot be asked the next one is, which is preferred from then on', async () => {
  const { asked, ask } = nodes({ 'http://one': 'down', 'http://two': 'failing' });
  await ask();
  await ask();
  expect(asked).toEqual(['http://one', 'http://two', 'http://three', 'http://three']);
});

test('when all are down each is asked once', async () => {
  const { asked, ask } = nodes({ 'http://one': 'down', 'http://two': 'down', 'http://three': 'down' });
  await expect(ask()).resolves.toBe('refused');
  expect(asked).toEqual(URLS);
});

test('another one can be preferred, round and round', async () => {
  const { subject, asked, ask } = nodes({});
  for (let turn = 0; turn < 4; turn += 1) {
    await ask();
    subject.next();
  }
  expect(asked).toEqual([...URLS, 'http://one']);
});
