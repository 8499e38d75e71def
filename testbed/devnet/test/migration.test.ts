import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDevnet } from '../devnet.ts';
import { increment, publishCounter } from '../testing/counter.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daas-migration-'));
});

afterEach(() => rm(directory, { recursive: true }));

function withDatabase(work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(directory, 'chain.db'));
  work(db);
  db.close();
}

test('a chain written before there were indexes gets them when it is opened', async () => {
  const before = await startDevnet({ stateDir: directory });
  const client = new SuiGrpcClient({ network: 'devnet', baseUrl: before.url });
  const counter = await publishCounter(client, before.accounts[0]!);
  const signer = before.accounts[0]!;
  const done = await client.signAndExecuteTransaction({ transaction: increment(counter, 1), signer });
  await before.close();
  withDatabase((db) => db.exec('DROP TABLE facets; DROP TABLE coin_info; PRAGMA user_version = 0'));

  const after = await startDevnet({ stateDir: directory });
  try {
    const again = new SuiGrpcClient({ network: 'devnet', baseUrl: after.url });
    const filter = { function: `${counter.packageId}::counter::increment` };
    const { transactions } = await again.listTransactions({ filter });
    expect(transactions.map(({ Transaction: each }) => each!.digest)).toEqual([done.Transaction!.digest]);
    const { events } = await again.listEvents({
      filter: { eventType: `${counter.packageId}::counter::Incremented` },
    });
    expect(events).toHaveLength(1);
    const { coinMetadata } = await again.getCoinMetadata({ coinType: '0x2::sui::SUI' });
    expect(coinMetadata?.symbol).toBe('SUI');
  } finally {
    await after.close();
  }
});

test('a chain written by a newer devnet is refused, and says so', async () => {
  await (await startDevnet({ stateDir: directory })).close();
  withDatabase((db) => db.exec('PRAGMA user_version = 99'));
  await expect(startDevnet({ stateDir: directory })).rejects.toThrow(
    /its schema is 99, this devnet knows up to 1/,
  );
});
