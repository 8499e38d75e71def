import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';
import { type Counter, increment, publishCounter } from '../testing/counter.ts';

let devnet: Devnet;
let counter: Counter;

beforeAll(async () => {
  devnet = await startDevnet();
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  counter = await publishCounter(client, devnet.accounts[0]!);
  await client.signAndExecuteTransaction({
    transaction: increment(counter, 1),
    signer: devnet.accounts[0]!,
  });
});

afterAll(() => devnet.close());

test('the page shows the newest transactions with their objects and events', async () => {
  const response = await fetch(`${devnet.url}/`);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const html = await response.text();
  expect(html).toContain(devnet.chainId);
  expect(html.indexOf('counter::increment')).toBeLessThan(html.indexOf('Publish'));
  expect(html).toContain(`changed<td>${counter.counterId} ${counter.packageId}::counter::Counter`);
  expect(html).toContain(
    `event<td>${counter.packageId}::counter::Incremented {&#34;value&#34;:&#34;1&#34;,&#34;at_ms&#34;:`,
  );
});

test('nothing on the page can run', async () => {
  const response = await fetch(`${devnet.url}/`);
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(await response.text()).not.toMatch(/<script|<[^>]*\son\w+=/i);
});

test('a chain that has nothing but its genesis has a page too', async () => {
  const empty = await startDevnet();
  try {
    expect(await (await fetch(empty.url)).text()).toContain('Success Genesis');
  } finally {
    await empty.close();
  }
});
