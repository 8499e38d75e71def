import { connect } from 'node:net';
import { compileFiles } from '@daasvader/move/compile.ts';
import { fromBase64 } from '@mysten/bcs';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction, type TransactionArgument } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';

const MANIFEST = '[package]\nname = "bad"\nedition = "2024"\n[addresses]\nbad = "0x0"\n';
const SOURCE = `module bad::bad;

use std::string::String;
use sui::coin::Coin;
use sui::sui::SUI;

public struct Rumour has copy, drop { value: u64 }
public struct Bound has key { id: UID }

public fun rumour(): Rumour { Rumour { value: 1 } }

public fun bound(ctx: &mut TxContext): Bound { Bound { id: object::new(ctx) } }

public fun read_both(first: &Coin<SUI>, second: &Coin<SUI>): u64 { first.value() + second.value() }

public fun pour(from: &mut Coin<SUI>, to: &mut Coin<SUI>, ctx: &mut TxContext) {
    let all = from.value();
    to.join(from.split(all, ctx));
}

public fun double() {
    let mut all = vector[1u8];
    loop { let again = all; all.append(again) }
}

public fun grow() {
    let mut all = vector[1u64];
    loop { all.push_back(1) }
}

public fun search(text: String, pattern: String) {
    loop { let _ = text.index_of(&pattern); }
}

public fun recurse() { recurse() }
`;

let devnet: Devnet;
let client: SuiGrpcClient;
let packageId: string;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  const { modules, dependencies } = await compileFiles({ 'Move.toml': MANIFEST, 'sources/bad.move': SOURCE });
  const transaction = new Transaction();
  const cap = transaction.publish({ modules: modules.map((module) => [...module]), dependencies });
  const signer = devnet.accounts[0]!;
  transaction.transferObjects([cap], signer.toSuiAddress());
  const include = { effects: true, objectTypes: true } as const;
  const { Transaction: done } = await client.signAndExecuteTransaction({ transaction, signer, include });
  const { effects, objectTypes } = done!;
  packageId = effects.changedObjects.find(({ objectId }) => objectTypes[objectId] === 'package')!.objectId;
});

afterAll(() => devnet.close());

/** Executes without simulating first, as an attacker would; returns why it failed, or `success`. */
async function attempt(fill: (tx: Transaction) => void): Promise<string> {
  const signer = devnet.accounts[0]!;
  const transaction = new Transaction();
  fill(transaction);
  transaction.setSender(signer.toSuiAddress());
  transaction.setGasBudget(10_000_000_000n);
  transaction.setGasPrice(1_000n);
  const { objects } = await client.listCoins({ owner: signer.toSuiAddress() });
  transaction.setGasPayment([objects.toSorted((a, b) => Number(BigInt(b.balance) - BigInt(a.balance)))[0]!]);
  const result = await client.signAndExecuteTransaction({ transaction, signer });
  if (result.$kind === 'Transaction') return 'success';
  return result.FailedTransaction.status.error?.message ?? '';
}

function call(tx: Transaction, name: string, ...args: TransactionArgument[]) {
  return tx.moveCall({ target: `${packageId}::bad::${name}`, arguments: args });
}

describe('one value used twice in a call', () => {
  test.each<[string, (tx: Transaction) => void]>([
    ['changed and consumed', (tx) => joinWithItself(tx)],
    ['changed twice', (tx) => pourIntoItself(tx)],
  ])('%s is refused', async (_, fill) => {
    expect(await attempt(fill)).toContain('InvalidValueUsage');
  });

  test('and only read is allowed', async () => {
    expect(await attempt((tx) => void call(tx, 'read_both', tx.gas, tx.gas))).toBe('success');
  });

  function joinWithItself(tx: Transaction): void {
    const [coin] = tx.splitCoins(tx.gas, [1_000_000_000n]);
    tx.moveCall({ target: '0x2::coin::join', typeArguments: ['0x2::sui::SUI'], arguments: [coin!, coin!] });
    tx.transferObjects([coin!], devnet.accounts[0]!.toSuiAddress());
  }

  function pourIntoItself(tx: Transaction): void {
    const [coin] = tx.splitCoins(tx.gas, [1_000_000_000n]);
    call(tx, 'pour', coin!, coin!);
    tx.transferObjects([coin!], devnet.accounts[0]!.toSuiAddress());
  }
});

/** An event that any sender could emit would prove nothing about the module that declares it. */
test('nobody but its own module emits an event', async () => {
  const fill = (tx: Transaction) => {
    const typeArguments = [`${packageId}::bad::Rumour`];
    tx.moveCall({ target: '0x2::event::emit', typeArguments, arguments: [call(tx, 'rumour')] });
  };
  expect(await attempt(fill)).toContain('NonEntryFunctionInvoked');
});

test.each(['transfer', 'share_object', 'freeze_object'])(
  'nobody but its own module may %s an object without store',
  async (name) => {
    const fill = (tx: Transaction) => {
      const typeArguments = [`${packageId}::bad::Bound`];
      const recipient = name === 'transfer' ? [tx.pure.address('0x5')] : [];
      tx.moveCall({
        target: `0x2::transfer::${name}`,
        typeArguments,
        arguments: [call(tx, 'bound'), ...recipient],
      });
    };
    expect(await attempt(fill)).toContain('NonEntryFunctionInvoked');
  },
);

describe('work that would never end costs all gas and ends', () => {
  test.each<[string, (tx: Transaction) => void]>([
    ['a vector that doubles', (tx) => void call(tx, 'double')],
    ['a vector that grows', (tx) => void call(tx, 'grow')],
    ['searching for a long text in none', (tx) => void search(tx, '', 'x'.repeat(16_000))],
    ['the worst case of a search', (tx) => void search(tx, 'a'.repeat(16_000), `b${'a'.repeat(8_000)}`)],
  ])('%s', async (_, fill) => {
    expect(await attempt(fill)).toContain('InsufficientGas');
  });

  test('endless recursion ends as a fault', async () => {
    expect(await attempt((tx) => void call(tx, 'recurse'))).not.toBe('success');
  });

  function search(tx: Transaction, text: string, pattern: string) {
    return call(tx, 'search', tx.pure.string(text), tx.pure.string(pattern));
  }
});

test.each<[string, (tx: Transaction) => void, RegExp]>([
  [
    '1,024 commands',
    (tx) => repeat(1_024, () => call(tx, 'rumour')),
    /maximum commands in a programmable transaction is 1023/,
  ],
  [
    'a pure argument of 16 KiB',
    (tx) =>
      void tx.makeMoveVec({
        type: 'vector<u8>',
        elements: [tx.pure(bcs.byteVector().serialize(Buffer.alloc(16_382)))],
      }),
    /maximum pure argument size is 16383/,
  ],
  [
    'a transaction above 128 KiB',
    (tx) => repeat(9, () => tx.pure(bcs.byteVector().serialize(Buffer.alloc(16_000)))),
    /at most 131072 are allowed/,
  ],
])('%s is too much', async (_, fill, message) => {
  await expect(attempt(fill)).rejects.toThrow(message);
});

/** The SDK cannot write such types, so the bytes of `vector<...>` (6 in BCS) are put in by hand. */
test.each([
  [14, /^UnusedValueWithoutDrop$/],
  [15, /maximum depth of a type argument is 15$/],
  [500, /maximum depth of a type argument is 15$/],
  [50_000, /^Cannot decode transaction: not the BCS of a TransactionData$/],
])('a type nested %d deep is refused', async (depth, reason) => {
  const transaction = new Transaction();
  const typeArguments = [`${'vector<'.repeat(8)}u8${'>'.repeat(8)}`];
  transaction.moveCall({ target: '0x2::balance::zero', typeArguments });
  const bytes = await transaction.build({ onlyTransactionKind: true });
  const at = Buffer.from(bytes).indexOf(Buffer.alloc(8, 6));
  const kind = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(depth - 8, 6), bytes.subarray(at)]);
  expect(await simulate(kind)).toMatch(reason);
});

async function simulate(kind: Uint8Array): Promise<string> {
  const sender = devnet.accounts[0]!.toSuiAddress();
  const { objects } = await client.listCoins({ owner: sender });
  const [{ objectId, version, digest }] = objects as [(typeof objects)[0]];
  const tail = bcs.struct('Tail', {
    sender: bcs.Address,
    gas: bcs.GasData,
    expiration: bcs.TransactionExpiration,
  });
  const payment = [{ objectId, version, digest }];
  const gas = { payment, owner: sender, price: 1_000, budget: 10_000_000 };
  const rest = tail.serialize({ sender, gas, expiration: { None: true } }).toBytes();
  const bytes = Buffer.concat([Uint8Array.of(0), kind, rest]);
  try {
    return Object.keys((await devnet.chain.simulate(bytes)).execution.failure?.status ?? {}).join();
  } catch (error) {
    return (error as Error).message;
  }
}

test('of transactions that spend the same coin at once, exactly one happens', async () => {
  const signer = devnet.accounts[1]!;
  const sender = signer.toSuiAddress();
  const { objects } = await client.listCoins({ owner: sender });
  const signed = await Promise.all(
    [1n, 2n, 3n, 4n].map(async (amount) => {
      const transaction = new Transaction();
      transaction.transferObjects([transaction.splitCoins(transaction.gas, [amount])], '0x5');
      transaction.setSender(sender);
      transaction.setGasBudget(10_000_000n);
      transaction.setGasPrice(1_000n);
      transaction.setGasPayment([objects[0]!]);
      return signer.signTransaction(await transaction.build());
    }),
  );
  const results = await Promise.allSettled(
    signed.map(({ bytes, signature }) =>
      client.executeTransaction({ transaction: fromBase64(bytes), signatures: [signature] }),
    ),
  );
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(3);
  for (const { reason } of refused) expect(reason.message).toContain('unavailable for consumption');
  const { objects: received } = await client.listCoins({ owner: '0x5' });
  expect(received).toHaveLength(1);
});

describe('HTTP', () => {
  /** Sends bytes as they are and returns the first line of the answer. */
  function raw(bytes: string): Promise<string> {
    const { port } = new URL(devnet.url);
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(bytes));
      socket.once('data', (answer) => {
        resolve(answer.toString().split('\r\n')[0]!);
        socket.destroy();
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed without an answer')));
    });
  }

  async function post(path: string, body: string): Promise<string> {
    const response = await fetch(devnet.url + path, { method: 'POST', body });
    return `${response.status} ${await response.text()}`;
  }

  test.each([
    ['a target that is no path', 'GET // HTTP/1.1\r\nhost: a\r\n\r\n', '404'],
    ['a target that is no URL', 'GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n', '404'],
    ['bytes that are no HTTP', '\0\x01\x02\r\n\r\n', '400'],
  ])('%s is answered, and the chain goes on', async (_, bytes, status) => {
    expect(await raw(bytes)).toContain(status);
    expect((await fetch(`${devnet.url}/healthz`)).status).toBe(200);
  });

  test.each([
    ['no JSON', '/time', '{', /^400 .*Cannot read request/],
    ['nothing', '/time', '', /^400 .*Cannot read request/],
    ['an unknown key', '/time', '{"advance_ms":1,"x":2}', /^400 .*Cannot read request/],
    ['a step back', '/time', '{"advance_ms":-1}', /^400 .*Cannot read request/],
    ['a step beyond all dates', '/time', '{"advance_ms":9007199254740991}', /^400 .*there is no such date/],
    ['no address', '/v2/gas', '{"FixedAmountRequest":{"recipient":"0xzz"}}', /^400 .*Cannot read request/],
    ['too much', '/v2/gas', ' '.repeat(5 * 1024 * 1024), /^400 .*larger than/],
  ])('%s is refused, and the chain goes on', async (_, path, body, answer) => {
    expect(await post(path, body)).toMatch(answer);
    expect((await fetch(`${devnet.url}/healthz`)).status).toBe(200);
  });
});

function repeat(count: number, act: () => unknown): void {
  for (let index = 0; index < count; index++) act();
}
