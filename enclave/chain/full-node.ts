import { checkNext } from '@daasvader/checkpoint/trail.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { CHECKPOINT_PATHS, type Checkpoint, readCheckpoint, type Scope } from './checkpoints.ts';

/** How many checkpoints are asked for on the way back: more than an hour of mainnet. */
export const MAX_LOOK_BACK = 20_000n;
/** Checkpoints that are asked for at once on the way back: one round trip instead of many. */
const WINDOW = 16;

/** A full node as a source of checkpoints. Nothing that it tells is proven, only read and consistent in itself. */
export class FullNode {
  readonly url: string;
  readonly #client: SuiGrpcClient;
  readonly #scope: Scope;

  constructor(url: string, client: SuiGrpcClient, scope: Scope) {
    this.url = url;
    this.#client = client;
    this.#scope = scope;
  }

  /**
   * The newest checkpoint and those after it, all that wait at a time, until `signal` fires.
   *
   * @throws {CheckpointError}
   */
  async *subscribe(signal: AbortSignal): AsyncGenerator<Checkpoint[]> {
    const { headers, responses } = this.#client.subscriptionService.subscribeCheckpoints(
      { readMask: { paths: CHECKPOINT_PATHS } },
      { abort: signal },
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
    const { response } = await this.#client.ledgerService.getCheckpoint({
      checkpointId:
        sequence === undefined
          ? { oneofKind: undefined }
          : { oneofKind: 'sequenceNumber', sequenceNumber: sequence },
      readMask: { paths: CHECKPOINT_PATHS },
    });
    if (!response.checkpoint) throw new Error(`${this.url} does not have checkpoint ${sequence}`);
    return readCheckpoint(response.checkpoint, this.#scope);
  }

  /** The last checkpoint of an epoch. @throws {CheckpointError} and when the full node does not have it */
  async endOf(epoch: bigint): Promise<Checkpoint> {
    const { response } = await this.#client.ledgerService.getEpoch({
      epoch,
      readMask: { paths: ['last_checkpoint'] },
    });
    const last = response.epoch?.lastCheckpoint;
    if (last === undefined) throw new Error(`${this.url} does not know the end of epoch ${epoch}`);
    return this.checkpoint(last);
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
