import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';

let devnet: Devnet;
let client: SuiGrpcClient;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  devnet.endEpoch();
});

afterAll(() => devnet.close());

const WINDOW = { minEpoch: '1', maxEpoch: '9', minTimestamp: null, maxTimestamp: null, nonce: 5 };

async function execute(expiration: object) {
  const transaction = new Transaction();
  transaction.setExpiration(expiration as never);
  const include = { transaction: true } as const;
  const result = await client.signAndExecuteTransaction({
    transaction,
    signer: devnet.accounts[0]!,
    include,
  });
  return result.Transaction!.transaction.expiration;
}

test('a transaction within its window is executed, and says its window', async () => {
  const ValidDuring = { ...WINDOW, chain: devnet.chainId };
  expect(await execute({ ValidDuring })).toMatchObject({ ValidDuring });
  const open = { ...ValidDuring, minEpoch: null, maxEpoch: null };
  expect(await execute({ ValidDuring: open })).toMatchObject({ ValidDuring: open });
  expect(await execute({ Epoch: 1 })).toMatchObject({ $kind: 'Epoch' });
});

test.each([
  ['before its window', { minEpoch: '2' }, /Transaction Expired/],
  ['after its window', { minEpoch: '0', maxEpoch: '0' }, /Transaction Expired/],
  ['for another chain', { chain: '11111111111111111111111111111111' }, /Invalid Chain ID/],
  ['bounded by time', { maxTimestamp: '99999999999999' }, /Timestamp-based transaction expiration/],
])('a transaction %s is refused', async (_name, change, message) => {
  const ValidDuring = { ...WINDOW, chain: devnet.chainId, ...change };
  await expect(execute({ ValidDuring })).rejects.toThrow(message);
});

test('a transaction after its epoch is refused', async () => {
  await expect(execute({ Epoch: 0 })).rejects.toThrow(/Transaction Expired/);
});
