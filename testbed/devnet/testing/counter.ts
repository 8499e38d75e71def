import { compileFiles } from '@daasvader/move/compile.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';

const MANIFEST = '[package]\nname = "counter"\nedition = "2024"\n[addresses]\ncounter = "0x0"\n';

/** A package that shows shared and owned objects, events, dynamic fields, `init`, aborts and the clock. */
const SOURCE = `module counter::counter;

use sui::clock::Clock;
use sui::dynamic_field;
use sui::event;

const ETooHigh: u64 = 7;

public struct Counter has key { id: UID, value: u64, changed_at_ms: u64 }
public struct Receipt has key, store { id: UID, value: u64 }
public struct Incremented has copy, drop { value: u64, at_ms: u64 }
public struct Promise {}

fun init(ctx: &mut TxContext) {
    transfer::share_object(Counter { id: object::new(ctx), value: 0, changed_at_ms: 0 });
}

entry fun increment(counter: &mut Counter, by: u64, clock: &Clock, ctx: &mut TxContext) {
    assert!(by <= 100, ETooHigh);
    counter.value = counter.value + by;
    counter.changed_at_ms = clock.timestamp_ms();
    dynamic_field::add(&mut counter.id, counter.value, by);
    event::emit(Incremented { value: counter.value, at_ms: counter.changed_at_ms });
    transfer::transfer(Receipt { id: object::new(ctx), value: counter.value }, ctx.sender());
}

public fun value(counter: &Counter): u64 { counter.value }

public fun burn(receipt: Receipt) {
    let Receipt { id, .. } = receipt;
    id.delete();
}

public fun promise(): Promise { Promise {} }

public fun divide(by: u64): u64 { 1 / by }

fun hidden() {}
`;

/** A published counter. */
export interface Counter {
  packageId: string;
  counterId: string;
  digest: string;
}

/** Compiles the counter package and publishes it through the client. */
export async function publishCounter(client: SuiGrpcClient, signer: Ed25519Keypair): Promise<Counter> {
  const { modules, dependencies } = await compileFiles({
    'Move.toml': MANIFEST,
    'sources/counter.move': SOURCE,
  });
  const transaction = new Transaction();
  const cap = transaction.publish({ modules: modules.map((module) => [...module]), dependencies });
  transaction.transferObjects([cap], signer.toSuiAddress());
  const include = { effects: true, objectTypes: true } as const;
  const result = await client.signAndExecuteTransaction({ transaction, signer, include });
  if (result.$kind !== 'Transaction')
    throw new Error(`Cannot publish: ${result.FailedTransaction.status.error?.message}`);
  const { digest, effects, objectTypes } = result.Transaction;
  const idOf = (kind: string) =>
    effects.changedObjects.find(
      ({ objectId, idOperation }) => idOperation === 'Created' && objectTypes[objectId]!.endsWith(kind),
    )!.objectId;
  return { packageId: idOf('package'), counterId: idOf('::counter::Counter'), digest };
}

/** A transaction that increments the counter. */
export function increment({ packageId, counterId }: Counter, by: number | bigint): Transaction {
  const transaction = new Transaction();
  transaction.moveCall({
    target: `${packageId}::counter::increment`,
    arguments: [transaction.object(counterId), transaction.pure.u64(by), transaction.object.clock()],
  });
  return transaction;
}
