import { expect, test } from 'vitest';
import { parseConfiguration } from './configuration.ts';

const id = (byte: string) => `0x${byte.repeat(32)}`;

function configuration(api: object): string {
  return JSON.stringify({
    cluster: {
      network: 'devnet',
      rpcUrl: 'http://127.0.0.1:9000',
      chainId: 'c',
      packageId: id('01'),
      originalPackageId: id('01'),
      registryId: id('02'),
      workersId: id('03'),
      stakingId: id('04'),
      schedulerId: id('05'),
      imagesId: id('06'),
    },
    tee: { type: 'SOFTWARE' },
    sui: { rpc_endpoint: 'http://127.0.0.1:9000', event_filter: '' },
    k3s: { cluster_cidr: '10.42.0.0/16', service_cidr: '10.43.0.0/16' },
    api: { port: 6443, external_names: ['localhost'], external_url: 'https://localhost:6443', ...api },
  });
}

test.each(['localhost', 'master.k3s-daas.io', 'a-1.b2', '10.0.0.1', '::1', 'fd00::12'])(
  'the name %s is one',
  (name) => {
    expect(parseConfiguration(configuration({ external_names: [name] })).api.external_names).toEqual([name]);
  },
);

test.each([
  '010.0.0.1',
  '999.1.1.1',
  '10.1',
  '0x7f.1',
  '1.2.3.4.',
  'dead:beef',
  'fe80::1%eth0',
  'A.b',
  '*.b',
  'a..b',
  '',
])('the name %j, which one parser takes for an address and another for a name, is refused', (name) => {
  expect(() => parseConfiguration(configuration({ external_names: [name] }))).toThrow('external_names');
});

test.each([
  ['https://Master.Example:443/', 'https://master.example'],
  ['https://user@evil.example:6443\\@master.example/x?y#z', 'https://evil.example:6443'],
  ['https://0x7f.1:6443', 'https://127.0.0.1:6443'],
])('of the URL %s what was understood is handed on: %s', (external_url, origin) => {
  expect(parseConfiguration(configuration({ external_url })).api.external_url).toBe(origin);
});

test.each(['http://master.example', 'master.example:6443', 'https://'])('the URL %s is refused', (url) => {
  expect(() => parseConfiguration(configuration({ external_url: url }))).toThrow('external_url');
});

test('of a key that stands twice the last counts, here and wherever the configuration goes', () => {
  const text = configuration({}).replace('"port":6443', '"port":1,"port":6443');
  expect(parseConfiguration(text).api.port).toBe(6443);
});
