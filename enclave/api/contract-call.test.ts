import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { contractCallRoutes } from './contract-call.ts';
import { createApi } from './server.ts';

const id = (byte: string) => `0x${byte.repeat(32)}`;
const PACKAGE = id('0a');
const UPGRADE = id('0c');
const SUI = '0x2';

let server: Server;
let relayed: number;
/** What the full node throws instead of an answer. */
let failure: Error | undefined;

beforeEach(async () => {
  relayed = 0;
  failure = undefined;
  const client = {
    async simulateTransaction() {
      throw new Error('silent');
    },
    async executeTransaction() {
      if (failure !== undefined) throw failure;
      relayed += 1;
      return { $kind: 'Transaction', Transaction: { digest: 'd' } };
    },
  } as unknown as SuiGrpcClient;
  const ids = { packageId: UPGRADE, registryId: id('04'), schedulerId: id('07') };
  const contracts = { client, ids, packages: new Set([PACKAGE, UPGRADE]) };
  const api = createApi([contractCallRoutes(contracts)], pino({ enabled: false }));
  server = createServer(api.callback());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => server.close());

async function relay(build: (tx: Transaction) => void, after: number[] = []): Promise<number> {
  const tx = new Transaction();
  build(tx);
  tx.setSender(id('01'));
  tx.setGasBudget(1);
  tx.setGasPrice(1);
  tx.setGasPayment([{ objectId: id('02'), version: '1', digest: '11111111111111111111111111111111' }]);
  const transaction = Buffer.from([...(await tx.build()), ...after]).toString('base64');
  return call({ transaction, signatures: ['AA=='] });
}

async function call(request: object): Promise<number> {
  const { port } = server.address() as AddressInfo;
  const body = JSON.stringify(request);
  const response = await fetch(`http://127.0.0.1:${port}/api/contract/call`, { method: 'POST', body });
  return response.status;
}

const ours = (tx: Transaction) => tx.moveCall({ target: `${PACKAGE}::staking::stake`, arguments: [] });

test.each<[string, (tx: Transaction) => void]>([
  ['a call of our package', ours],
  [
    'a call of our package since it was upgraded',
    (tx) => tx.moveCall({ target: `${UPGRADE}::staking::stake` }),
  ],
  [
    'a call with the coin that it takes',
    (tx) => {
      const [coin] = tx.splitCoins(tx.gas, [5]);
      tx.mergeCoins(tx.gas, [coin!]);
      ours(tx);
    },
  ],
  [
    'a registration with its document',
    (tx) => {
      tx.moveCall({ target: `${SUI}::nitro_attestation::load_nitro_attestation`, arguments: [] });
      ours(tx);
    },
  ],
])('%s is relayed', async (_, build) => {
  expect(await relay(build)).toBe(200);
  expect(relayed).toBe(1);
});

test.each<[string, (tx: Transaction) => void]>([
  ['a call of another package', (tx) => tx.moveCall({ target: `${id('0b')}::staking::stake` })],
  ['another call of the framework', (tx) => tx.moveCall({ target: `${SUI}::coin::zero` })],
  ['a transfer', (tx) => tx.transferObjects([tx.gas], id('03'))],
  ['a publication', (tx) => tx.publish({ modules: [[1]], dependencies: [] })],
])('%s is not relayed, alone or beside a call of ours', async (_, build) => {
  expect(await relay(build)).toBe(403);
  expect(
    await relay((tx) => {
      ours(tx);
      build(tx);
    }),
  ).toBe(403);
  expect(relayed).toBe(0);
});

test('coins alone are not relayed', async () => {
  expect(await relay((tx) => tx.splitCoins(tx.gas, [1]))).toBe(403);
});

test('a transaction with bytes after its end is not relayed', async () => {
  expect(await relay(ours, [0])).toBe(400);
  expect(relayed).toBe(0);
});

test('a transaction that the full node refuses is the caller’s fault, a silent full node is not', async () => {
  failure = Object.assign(new Error('invalid signature'), { code: 'INVALID_ARGUMENT' });
  expect(await relay(ours)).toBe(400);
  failure = new Error('nobody is there');
  expect(await relay(ours)).toBe(503);
  expect(await call({ function: 'get_request_status', args: ['1'] })).toBe(503);
});

test('a number of a request that no request can have is the caller’s fault', async () => {
  expect(await call({ function: 'get_request_status', args: ['18446744073709551616'] })).toBe(400);
});
