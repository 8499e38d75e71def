import { expect, test } from 'vitest';
import type { ChainObject } from './host-chain.ts';
import { SeatService } from './seat-service.ts';
import { CLUSTER, FakeChain, hostOn, id, registryOf } from './testing/fake-chain.ts';

const [ENCLAVE, OPERATOR, UPGRADED] = [id('7'), id('8'), id('a')];
const hex = (...addresses: string[]) =>
  Buffer.from(addresses.map((address) => address.slice(2)).join(''), 'hex');
const enclave: ChainObject = {
  version: 1n,
  type: `${CLUSTER.originalPackageId}::enclave_registry::Enclave`,
  shared: true,
  content: Buffer.concat([hex(ENCLAVE, CLUSTER.registryId, OPERATOR), Buffer.from('rest')]),
};

function seatOn(object: ChainObject, packageId = CLUSTER.packageId) {
  const chain = new FakeChain();
  chain.objects.set(ENCLAVE, object).set(CLUSTER.registryId, registryOf(packageId));
  const seat = new SeatService(hostOn(chain), CLUSTER);
  return { chain, take: () => seat.take({ enclaveId: ENCLAVE, operator: OPERATOR }) };
}

test.each([
  ['the package of the deployment', CLUSTER.packageId],
  ['the one that it was upgraded to', UPGRADED],
])('take() calls take_seat of %s', async (_name, packageId) => {
  const { chain, take } = seatOn(enclave, packageId);
  expect(await take()).toBe('digest');
  expect(chain.executed[0]!.getData().commands).toMatchObject([
    { MoveCall: { package: packageId, module: 'enclave_registry', function: 'take_seat' } },
  ]);
});

test('an enclave that takes the seat again and again does not use up the gas', async () => {
  const { chain, take } = seatOn(enclave);
  for (let i = 0; i < 60; i += 1) await take();
  await expect(take()).rejects.toMatchObject({ code: 'budget' });
  expect(chain.executed).toHaveLength(60);
});

test('a host that is not appointed yet pays nothing, and takes the seat once it is', async () => {
  const { chain, take } = seatOn(enclave);
  chain.failure = 'enclave_registry aborts with EUnknownHost';
  for (let i = 0; i < 100; i += 1) await expect(take()).rejects.toMatchObject({ code: 'fails' });
  chain.failure = undefined;
  expect(await take()).toBe('digest');
});

test.each<[string, ChainObject]>([
  [
    'an object of another type',
    { ...enclave, type: `${CLUSTER.packageId}::enclave_registry::EnclaveRegistry` },
  ],
  ['an enclave of another package', { ...enclave, type: `${id('9')}::enclave_registry::Enclave` }],
  ['an enclave of another registry', { ...enclave, content: hex(ENCLAVE, id('9'), OPERATOR) }],
  ['an enclave of another operator', { ...enclave, content: hex(ENCLAVE, CLUSTER.registryId, id('9')) }],
  ['an object that is not shared', { ...enclave, shared: false }],
  ['content that is cut short', { ...enclave, content: hex(ENCLAVE) }],
])('take() refuses %s', async (_name, object) => {
  const { chain, take } = seatOn(object);
  await expect(take()).rejects.toMatchObject({ code: 'refused' });
  expect(chain.executed).toEqual([]);
});
