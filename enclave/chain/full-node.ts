import { readObject, type WrittenObject } from '@daasvader/checkpoint/checkpoint.ts';
import { checkNext } from '@daasvader/checkpoint/trail.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { CHECKPOINT_PATHS, type Checkpoint, readCheckpoint, type Scope } from './checkpoints.ts';

/** How many checkpoints are asked for on the way back: more than an hour of mainnet. */
export const MAX_LOOK_BACK = 20_000n;
/** Checkpoints that are asked for at once on the way back: one round trip instead of many. */
const WINDOW = 16;

/** A connection to a full node. Nothing that it tells is proven, only read and consistent in itself. */
export class FullNode {
  readonly #client: SuiGrpcClient;
  readonly #scope: Scope;
  readonly #signal: AbortSignal;

  /** @param signal ends the connection, whatever is being waited for */
  constructor(client: SuiGrpcClient, scope: Scope, signal: AbortSignal) {
    this.#client = client;
    this.#scope = scope;
    this.#signal = signal;
  }

  /** Whether we ended the connection: what fails then says nothing about the full node. */
  get isClosed(): boolean {
    return this.#signal.aborted;
  }

  /**
   * The newest checkpoint and those after it, all that wait at a time.
   *
   * @throws {CheckpointError}
   */
  async *subscribe(): AsyncGenerator<Checkpoint[]> {
    const { headers, responses } = this.#client.subscriptionService.subscribeCheckpoints(
      { readMask: { paths: CHECKPOINT_PATHS } },
      { abort: this.#signal },
    );
    await headers; // it is listened to: from here on nothing is missed
    const newest = await this.checkpoint();
    yield [newest];
    let isPast = false;
    for await (const batch of batches(responses)) {
      const told = batch.flatMap(({ checkpoint }) =>
        checkpoint ? [readCheckpoint(checkpoint, this.#scope)] : [],
      );
      const after: Checkpoint[] = isPast ? told : told.filter(({ sequence }) => sequence > newest.sequence);
      isPast ||= after.length > 0;
      if (after.length > 0) yield after;
    }
  }

  /** One checkpoint, the newest by default. @throws {CheckpointError} and when the full node does not have it (any longer) */
  async checkpoint(sequence?: bigint): Promise<Checkpoint> {
    const checkpointId =
      sequence === undefined
        ? ({ oneofKind: undefined } as const)
        : ({ oneofKind: 'sequenceNumber', sequenceNumber: sequence } as const);
    const { response } = await this.#client.ledgerService.getCheckpoint(
      { checkpointId, readMask: { paths: CHECKPOINT_PATHS } },
      { abort: this.#signal },
    );
    if (!response.checkpoint) throw new Error(`The full node does not have checkpoint ${sequence}`);
    return readCheckpoint(response.checkpoint, this.#scope);
  }

  /** The last checkpoint of an epoch. @throws {CheckpointError} and when the full node does not have it */
  async endOf(epoch: bigint): Promise<Checkpoint> {
    const { response } = await this.#client.ledgerService.getEpoch(
      { epoch, readMask: { paths: ['last_checkpoint'] } },
      { abort: this.#signal },
    );
    const last = response.epoch?.lastCheckpoint;
    if (last === undefined) throw new Error(`The full node does not know the end of epoch ${epoch}`);
    return this.checkpoint(last);
  }

  /** The BCS of an object as it was written. @throws {CheckpointError} and when the full node does not have it (any longer) */
  async object(written: WrittenObject): Promise<Uint8Array> {
    const { id: objectId, version } = written;
    const { response } = await this.#client.ledgerService.getObject(
      { objectId, version, readMask: { paths: ['bcs'] } },
      { abort: this.#signal },
    );
    return readObject(written, response.object?.bcs?.value ?? new Uint8Array());
  }

  /**
   * The checkpoints that lead to `from`, newest first and at most `count`. Each is the one that its successor names,
   * so they are as proven as `from` is.
   *
   * @throws {CheckpointError} and when the full node does not have one of them (any longer)
   */
  async *before(from: Checkpoint, count: bigint): AsyncGenerator<Checkpoint> {
    const last = from.sequence < count ? 0n : from.sequence - count;
    for (let successor = from; successor.sequence > last; ) {
      const size = Math.min(WINDOW, Number(successor.sequence - last));
      const first = successor.sequence - 1n;
      const window = Array.from({ length: size }, (_, i) => heard(this.checkpoint(first - BigInt(i))));
      for (const next of window) {
        const checkpoint = await next;
        checkNext(checkpoint, successor);
        yield checkpoint;
        successor = checkpoint;
      }
    }
  }
}

/** Groups what arrives while the consumer is busy, at most `max` at a time. */
export async function* batches<T>(source: AsyncIterable<T>, max = 256): AsyncGenerator<T[]> {
  const iterator = source[Symbol.asyncIterator]();
  const take = () => heard(iterator.next());
  for (let next = take(); ; ) {
    let result: IteratorResult<T> | undefined = await next;
    const batch: T[] = [];
    for (; result && !result.done && batch.length < max; result = await ifReady(next)) {
      batch.push(result.value);
      next = take();
    }
    if (batch.length > 0) yield batch;
    if (result?.done) return;
  }
}

/** A promise whose failure is heard of when it is awaited, and not before. */
function heard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** What a promise holds, if it holds it already. */
function ifReady<T>(promise: Promise<T>): Promise<T | undefined> {
  return Promise.race([promise, new Promise<undefined>((resolve) => setImmediate(resolve, undefined))]);
}
