import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Inputs, Transaction } from '@mysten/sui/transactions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Devnet, startDevnet } from '../devnet.ts';

let devnet: Devnet;
let client: SuiGrpcClient;
let signer: Ed25519Keypair;

beforeAll(async () => {
  devnet = await startDevnet();
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
  signer = devnet.accounts[0]!;
});

afterAll(() => devnet.close());

test('methods that are not served are refused by name', async () => {
  await expect(client.forkingService.getStatus({})).rejects.toThrow(
    /ForkingService.GetStatus is not supported by this devnet/,
  );
  await expect(client.nameService.lookupName({ name: 'a.sui' })).rejects.toThrow(
    /SuiNS not configured for this network/,
  );
});

describe('transactions', () => {
  /** A transaction that is complete without asking the chain. */
  async function complete(fill: (transaction: Transaction) => void): Promise<Transaction> {
    const transaction = new Transaction();
    fill(transaction);
    transaction.setSender(signer.toSuiAddress());
    transaction.setGasBudget(100_000_000n);
    transaction.setGasPrice(1_000n);
    const { objects } = await client.listCoins({ owner: signer.toSuiAddress() });
    transaction.setGasPayment([objects[0]!]);
    return transaction;
  }

  async function execute(bytes: Uint8Array, signature?: string) {
    const { signature: own } = await signer.signTransaction(bytes);
    return client.executeTransaction({ transaction: bytes, signatures: [signature ?? own] });
  }

  test('bytes after the end of a transaction are refused', async () => {
    const transaction = await complete((tx) => tx.transferObjects([tx.gas], signer.toSuiAddress()));
    const longer = Uint8Array.from([...(await transaction.build()), 0]);
    await expect(execute(longer)).rejects.toThrow(/not the BCS of a TransactionData/);
  });

  test('an input that withdraws from an address balance is refused', async () => {
    const transaction = await complete((tx) => {
      tx.moveCall({ target: '0x2::balance::zero', typeArguments: ['0x2::sui::SUI'] });
    });
    const data = bcs.TransactionData.parse(await transaction.build());
    const typeArg = { Balance: { struct: { address: '0x2', module: 'sui', name: 'SUI', typeParams: [] } } };
    const reservation = { MaxAmountU64: 1 };
    const withdrawal = { FundsWithdrawal: { reservation, typeArg, withdrawFrom: { Sender: true } } };
    data.V1.kind.ProgrammableTransaction!.inputs.push(withdrawal as never);
    await expect(execute(bcs.TransactionData.serialize(data).toBytes())).rejects.toThrow(
      /Input FundsWithdrawal is not supported/,
    );
  });

  test('gas from an address balance is refused', async () => {
    const transaction = await complete((tx) => tx.splitCoins(tx.gas, [1n]));
    const data = bcs.TransactionData.parse(await transaction.build());
    data.V1.gasData.payment = [];
    await expect(execute(bcs.TransactionData.serialize(data).toBytes())).rejects.toThrow(
      /Gas from an address balance .* is not supported/,
    );
  });

  test('a system transaction is refused', async () => {
    const transaction = await complete((tx) => tx.splitCoins(tx.gas, [1n]));
    const data = bcs.TransactionData.parse(await transaction.build());
    data.V1.kind = {
      $kind: 'ConsensusCommitPrologue',
      ConsensusCommitPrologue: { epoch: '0', round: '0', commitTimestampMs: '0' },
    } as never;
    await expect(execute(bcs.TransactionData.serialize(data).toBytes())).rejects.toThrow(
      /Transaction kind ConsensusCommitPrologue from users is not supported/,
    );
  });

  test('a zkLogin signature is refused', async () => {
    const transaction = await complete((tx) => tx.transferObjects([tx.gas], signer.toSuiAddress()));
    const signature = Buffer.from([5, 1, 2, 3]).toString('base64');
    await expect(execute(await transaction.build(), signature)).rejects.toThrow(
      /Signature scheme zkLogin is not supported/,
    );
  });

  test('the clock cannot be taken to be changed', async () => {
    const clock = Inputs.SharedObjectRef({ objectId: '0x6', initialSharedVersion: 1, mutable: true });
    const transaction = await complete((tx) => {
      tx.moveCall({ target: '0x2::clock::timestamp_ms', arguments: [tx.object(clock)] });
    });
    await expect(execute(await transaction.build())).rejects.toThrow(/the clock, may only be read/);
  });
});

test('the system state, which this chain has not, is refused by name', async () => {
  const epoch = client.ledgerService.getEpoch({ readMask: { paths: ['system_state'] } });
  await expect(epoch).rejects.toThrow(/Field system_state of an epoch is not supported/);
});

test('what is no message, no transaction or too much is refused', async () => {
  const send = async (body: Uint8Array<ArrayBuffer>) => {
    const headers = { 'content-type': 'application/grpc-web+proto' };
    const url = `${devnet.url}/sui.rpc.v2.LedgerService/GetObject`;
    return decodeURIComponent(await (await fetch(url, { method: 'POST', headers, body })).text());
  };
  expect(await send(new Uint8Array(0))).toContain('no gRPC frame');
  expect(await send(Uint8Array.of(1, 0, 0, 0, 0))).toContain('Compressed gRPC messages are not supported');
  expect(await send(Uint8Array.of(0, 0, 0, 0, 9))).toContain('not exactly one gRPC frame');
  expect(await send(Uint8Array.of(0, 0, 0, 0, 1, 255))).toContain('Cannot decode GetObject request');
  const garbage = client.executeTransaction({ transaction: new Uint8Array(50), signatures: [] });
  await expect(garbage).rejects.toThrow(/not the BCS of a TransactionData/);
  const huge = await send(new Uint8Array(5 * 1024 * 1024)).catch(() => 'cut off');
  expect(huge).toMatch(/larger than|cut off/);
});
