import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CheckpointSummary } from '@daasvader/checkpoint/layouts.ts';
import { bcs } from '@mysten/sui/bcs';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { Transaction } from '@mysten/sui/transactions';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Devnet, type DevnetOptions, startDevnet } from '../devnet.ts';
import { verifyCheckpoint } from '../testing/certificate.ts';

let devnet: Devnet;
let client: SuiGrpcClient;
const directories: string[] = [];

beforeEach(() => start({}));

afterEach(async () => {
  await devnet.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

async function start(options: DevnetOptions): Promise<void> {
  devnet = await startDevnet({ committeeSeed: 'epochs', ...options });
  client = new SuiGrpcClient({ network: 'devnet', baseUrl: devnet.url });
}

const summaryOf = (sequence: number) =>
  CheckpointSummary.parse(devnet.chain.store.checkpoint(sequence)!.summary);

async function epochOf(epoch?: bigint) {
  const { response } = await client.ledgerService.getEpoch({
    ...(epoch !== undefined && { epoch }),
    readMask: { paths: ['*'] },
  });
  return response.epoch!;
}

test('the last checkpoint of an epoch names the committee that certifies the next one', async () => {
  const before = devnet.committee;
  devnet.endEpoch();
  const end = devnet.chain.store.latestCheckpoint()!;
  const { endOfEpochData, epoch } = summaryOf(end.sequence);
  expect(epoch).toBe('0');
  expect(devnet.committee.epoch).toBe(1n);
  const named = endOfEpochData!.nextEpochCommittee.map(([publicKey, weight]) => ({
    publicKey: Uint8Array.from(publicKey),
    weight: BigInt(weight),
  }));
  expect(named).toEqual(devnet.committee.members);
  const keys = ({ members }: Devnet['committee']) =>
    members.map(({ publicKey }) => Buffer.from(publicKey).toString('hex'));
  expect(keys(before).filter((key) => keys(devnet.committee).includes(key))).toEqual([]);

  await devnet.faucet(`0x${'7'.repeat(64)}`);
  const next = devnet.chain.store.latestCheckpoint()!;
  expect(summaryOf(next.sequence)).toMatchObject({
    epoch: '1',
    previousDigest: end.digest,
    endOfEpochData: null,
  });
  expect(verifyCheckpoint(next, devnet.committee.members)).toBe(true);
  expect(verifyCheckpoint(next, before.members)).toBe(false);
  expect(verifyCheckpoint(end, before.members)).toBe(true);
});

test('the gas of an epoch is in its last transaction, and counts from nothing in the next', async () => {
  await devnet.faucet(`0x${'7'.repeat(64)}`);
  devnet.endEpoch();
  const end = devnet.chain.store.latestCheckpoint()!;
  const rolling = summaryOf(end.sequence).epochRollingGasCostSummary;
  expect(BigInt(rolling.computationCost)).toBeGreaterThan(0n);
  const [last] = devnet.chain.store.transactionsOf(end.sequence).slice(-1);
  const { kind } = bcs.TransactionData.parse(last!.data).V1;
  expect(kind.EndOfEpochTransaction).toMatchObject([
    {
      ChangeEpoch: {
        epoch: '1',
        computationCharge: rolling.computationCost,
        storageCharge: rolling.storageCost,
      },
    },
  ]);
  devnet.advanceTime(1_000);
  const after = summaryOf(devnet.chain.store.latestCheckpoint()!.sequence).epochRollingGasCostSummary;
  expect(after).toEqual({
    computationCost: '0',
    storageCost: '0',
    storageRebate: '0',
    nonRefundableStorageFee: '0',
  });
});

test('getEpoch tells past epochs and the present one, and does not find one that has not begun', async () => {
  await fetch(`${devnet.url}/epoch`, { method: 'POST' });
  const response = await fetch(`${devnet.url}/epoch`, { method: 'POST' });
  expect(await response.json()).toEqual({ epoch: 2 });
  const [zero, one, two] = [await epochOf(0n), await epochOf(1n), await epochOf()];
  expect([zero.epoch, one.epoch, two.epoch]).toEqual([0n, 1n, 2n]);
  expect(one.firstCheckpoint).toBe(zero.lastCheckpoint! + 1n);
  expect(one.start).toEqual(zero.end);
  expect([two.firstCheckpoint, two.lastCheckpoint]).toEqual([one.lastCheckpoint! + 1n, undefined]);
  expect(two.committee!.epoch).toBe(2n);
  await expect(epochOf(3n)).rejects.toThrow('Epoch 3 not found');
});

test('a checkpoint message tells the committee after it', async () => {
  devnet.endEpoch();
  const { response } = await client.ledgerService.getCheckpoint({
    checkpointId: { oneofKind: undefined },
    readMask: { paths: ['summary', 'transactions'] },
  });
  const { endOfEpochData } = response.checkpoint!.summary!;
  expect(endOfEpochData!.nextEpochCommittee).toEqual(devnet.committee.members);
  expect(response.checkpoint!.transactions.at(-1)!.transaction!.kind!.data).toMatchObject({
    oneofKind: 'endOfEpoch',
  });
});

test('transactions see the new epoch, and one that expired with the old is refused', async () => {
  const signer = devnet.accounts[0]!;
  const build = async (epoch: number) => {
    const transaction = new Transaction();
    transaction.setSender(signer.toSuiAddress());
    transaction.setExpiration({ Epoch: epoch });
    transaction.transferObjects(
      [transaction.splitCoins(transaction.gas, [epoch + 1])],
      signer.toSuiAddress(),
    );
    return transaction.build({ client });
  };
  devnet.endEpoch();
  const execute = async (epoch: number) => {
    const bytes = await build(epoch);
    const { signature } = await signer.signTransaction(bytes);
    return client.executeTransaction({
      transaction: bytes,
      signatures: [signature],
      include: { effects: true },
    });
  };
  await expect(execute(0)).rejects.toThrow('Transaction Expired');
  const { Transaction: done } = await execute(1);
  const { effects } = devnet.chain.store.transaction(done!.digest)!;
  expect(bcs.TransactionEffects.parse(effects).V2!.executedEpoch).toBe('1');
});

test('a chain on disk goes on in the epoch that it was in', async () => {
  await devnet.close();
  const stateDir = mkdtempSync(join(tmpdir(), 'devnet-epoch-'));
  directories.push(stateDir);
  await start({ stateDir });
  devnet.endEpoch();
  const { members } = devnet.committee;
  await devnet.close();
  await start({ stateDir });
  expect(devnet.committee).toMatchObject({ epoch: 1n, members });
  await devnet.faucet(`0x${'7'.repeat(64)}`);
  expect(verifyCheckpoint(devnet.chain.store.latestCheckpoint()!, members)).toBe(true);
});
