import { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';
import { expect, test } from 'vitest';
import { GasCoins } from './gas-coins.ts';
import type { ChainObject, Coin, HostChain } from './host-chain.ts';
import { SeatService } from './seat-service.ts';

const id = (digit: string) => `0x${digit.repeat(64)}`;
const [PACKAGE, REGISTRY, ENCLAVE, OPERATOR] = [id('1'), id('2'), id('6'), id('7')];
const cluster = {
  network: 'localnet',
  rpcUrl: 'http://127.0.0.1:9',
  chainId: 'chain',
  packageId: PACKAGE,
  registryId: REGISTRY,
  workersId: id('3'),
  stakingId: id('4'),
  schedulerId: id('5'),
};
const account = Ed25519Keypair.deriveKeypairFromSeed('11'.repeat(32));
const hex = (...addresses: string[]) =>
  Buffer.from(addresses.map((address) => address.slice(2)).join(''), 'hex');
const enclave: ChainObject = {
  type: `${PACKAGE}::enclave_registry::Enclave`,
  shared: true,
  content: Buffer.concat([hex(ENCLAVE, REGISTRY, OPERATOR), Buffer.from('rest')]),
};

/** A chain that holds one object and records what it is told to execute. */
class OneObject implements HostChain {
  readonly executed: Transaction[] = [];
  readonly #object: ChainObject;

  constructor(object: ChainObject) {
    this.#object = object;
  }

  gasPrice = async () => 1n;
  coins = async (): Promise<Coin[]> =>
    Array.from({ length: 16 }, (_, i) => ({
      objectId: `0x${String(i + 1).padStart(64, '0')}`,
      version: '1',
      digest: 'EKcHdoiFcvyAoRRy3BVv5g7Gb3TRDvVYmWDMvL5jTfLx',
      balance: '1000',
    }));
  object = async () => this.#object;
  execute = async (transaction: Transaction) => {
    this.executed.push(transaction);
    return 'digest';
  };
}

function seatOn(object: ChainObject): { chain: OneObject; seat: SeatService } {
  const chain = new OneObject(object);
  return { chain, seat: new SeatService(chain, new GasCoins(chain, account), account, cluster, 1_000n) };
}

test('take() calls take_seat with the registry and the enclave', async () => {
  const { chain, seat } = seatOn(enclave);
  expect(await seat.take({ enclaveId: ENCLAVE, operator: OPERATOR })).toBe('digest');
  const { sender, commands } = chain.executed[0]!.getData();
  expect(sender).toBe(account.toSuiAddress());
  expect(commands).toMatchObject([
    { MoveCall: { package: PACKAGE, module: 'enclave_registry', function: 'take_seat' } },
  ]);
});

test('an enclave that takes the seat again and again does not use up the gas', async () => {
  const { chain, seat } = seatOn(enclave);
  const coins = await chain.coins();
  chain.coins = async () =>
    coins.map((coin) => ({ ...coin, version: String(Number(coin.version) + chain.executed.length) }));
  const take = () => seat.take({ enclaveId: ENCLAVE, operator: OPERATOR });
  for (let i = 0; i < 60; i += 1) await take();
  await expect(take()).rejects.toMatchObject({ code: 'budget' });
  expect(chain.executed).toHaveLength(60);
});

test.each<[string, ChainObject]>([
  ['an object of another type', { ...enclave, type: `${PACKAGE}::enclave_registry::EnclaveRegistry` }],
  ['an enclave of another package', { ...enclave, type: `${id('9')}::enclave_registry::Enclave` }],
  ['an enclave of another registry', { ...enclave, content: hex(ENCLAVE, id('9'), OPERATOR) }],
  ['an enclave of another operator', { ...enclave, content: hex(ENCLAVE, REGISTRY, id('9')) }],
  ['an object that is not shared', { ...enclave, shared: false }],
  ['content that is cut short', { ...enclave, content: hex(ENCLAVE) }],
])('take() refuses %s', async (_name, object) => {
  const { chain, seat } = seatOn(object);
  await expect(seat.take({ enclaveId: ENCLAVE, operator: OPERATOR })).rejects.toMatchObject({
    code: 'refused',
  });
  expect(chain.executed).toEqual([]);
});
