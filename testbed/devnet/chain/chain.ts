import { EventEmitter } from 'node:events';
import { DevnetError } from '../error.ts';
import { TRANSACTION_LIMITS } from '../protocol.ts';
import type { ObjectTransition } from '../transaction/effects.ts';
import { Executor, type Moment, type Simulation } from '../transaction/executor.ts';
import { checkExpiration } from '../transaction/expiration.ts';
import { type GasCost, NO_GAS } from '../transaction/gas.ts';
import { type ObjectSource, programmable, type TransactionData } from '../transaction/inputs.ts';
import { NitroVerdicts } from '../transaction/nitro.ts';
import { type ChainObject, CLOCK_ID } from '../transaction/object.ts';
import { checkSignatures } from '../transaction/signature.ts';
import type { Address, MoveVm } from '../vm/types.ts';
import {
  type BuiltCheckpoint,
  buildCheckpoint,
  type CheckpointParent,
  parentOf,
  sumGas,
} from './checkpoint.ts';
import { type Epoch, findEpoch } from './epoch.ts';
import { type Allocation, makeEpochChange, makeGenesis, makePrologue } from './genesis.ts';
import { decodeTransaction, type SignedTransaction } from './record.ts';
import { Store, type StoredCheckpoint, type StoredTransaction, type TransactionRecord } from './store.ts';
import { Validators } from './validators.ts';

export interface ChainOptions {
  /** Where state is kept; without it, state ends with the process. */
  stateDir?: string;
  /** The secret of committee and faucet; a stored one wins. */
  secret: Uint8Array;
  /** Bytecode of 0x1 and 0x2. */
  framework: () => Promise<Uint8Array[]>;
  allocations: Allocation[];
  /** PEM of the root that attestation documents must chain to; AWS's when absent. */
  nitroRootPem?: string;
  /** Wall clock in milliseconds. */
  now: () => number;
}

interface Pending {
  transaction: SignedTransaction;
  resolve(result: StoredTransaction): void;
  reject(error: unknown): void;
}

/** What a batch wrote: each with the gas it paid. */
interface BatchEntry {
  record: TransactionRecord;
  gas: GasCost;
  changes: { id: Address; object: ChainObject | undefined }[];
}

const CHAIN_META = 'chain';
const TIME_META = 'time-offset';
/** An idle chain makes a checkpoint this often, so that its clock and its subscribers go on. */
const IDLE_MS = 10_000;
/** The last moment that ECMAScript has a date for, 100 million days after 1970. */
const MAX_TIME_MS = 8_640_000_000_000_000;

/**
 * The chain: one queue of transactions; whatever waits in it becomes the next checkpoint. Without transactions there is
 * one every {@link IDLE_MS}, which sets the clock.
 */
export class Chain {
  readonly store: Store;
  /** The genesis checkpoint's digest, base58. */
  readonly chainId: string;
  /** What all keys of this chain derive from. */
  readonly secret: Uint8Array;
  /** Emits `checkpoint` with each {@link StoredCheckpoint}. */
  readonly events = new EventEmitter<{ checkpoint: [StoredCheckpoint] }>();
  readonly #now: () => number;
  readonly #nitro: NitroVerdicts;
  readonly #executor: Executor;
  #epoch: Epoch;
  #timeOffset: number;
  #lastTimestamp: number;
  #parent: CheckpointParent;
  #transactionCount: number;
  #idle: NodeJS.Timeout | undefined;
  #queue: Pending[] = [];
  #inFlight = new Map<string, Promise<StoredTransaction>>();

  private constructor(store: Store, options: ChainOptions, secret: Uint8Array) {
    this.store = store;
    this.secret = secret;
    this.#now = options.now;
    this.#nitro = new NitroVerdicts(options.nitroRootPem);
    const genesis = store.checkpoint(0)!;
    const latest = store.latestCheckpoint()!;
    this.chainId = genesis.digest;
    this.#executor = new Executor({
      object: (id) => store.object(id),
      nitro: this.#nitro,
    });
    this.#parent = parentOf(latest);
    this.#epoch = this.#findEpoch(this.#parent.epoch);
    this.#lastTimestamp = latest.timestampMs;
    this.#transactionCount = store.transactionCount();
    this.#timeOffset = Number(Buffer.from(store.getMeta(TIME_META) ?? Buffer.from('0')).toString());
    this.#awaitIdle();
  }

  /** Opens the chain in `stateDir`, or starts a new one. */
  static async open(options: ChainOptions): Promise<Chain> {
    const store = Store.open(options.stateDir);
    const stored = store.getMeta(CHAIN_META);
    if (stored !== undefined) return new Chain(store, options, stored);
    const framework = await options.framework();
    store.atomically(() => writeGenesis(store, framework, options));
    return new Chain(store, options, options.secret);
  }

  close(): void {
    clearTimeout(this.#idle);
    this.store.close();
  }

  /** @returns the chain's time in milliseconds, which never goes back */
  timestampMs(): number {
    return Math.max(this.#now() + this.#timeOffset, this.#lastTimestamp);
  }

  /** Moves the clock forward, at once. @throws {DevnetError} for a negative step, or one beyond {@link MAX_TIME_MS} */
  advanceTime(ms: number): void {
    if (!Number.isSafeInteger(ms) || ms < 0)
      throw new DevnetError('INVALID_ARGUMENT', `Cannot advance time by ${ms} ms: not a natural number`);
    if (this.timestampMs() + ms > MAX_TIME_MS)
      throw new DevnetError('INVALID_ARGUMENT', `Cannot advance time by ${ms} ms: there is no such date`);
    this.#timeOffset += ms;
    this.store.setMeta(TIME_META, Buffer.from(String(this.#timeOffset)));
    this.#flush();
  }

  /** The validators of the present epoch. */
  get committee(): Validators {
    return this.#epoch.committee;
  }

  /** @returns the present epoch, or an earlier one; undefined for one that has not begun */
  epoch(number = this.committee.epoch): Epoch | undefined {
    return number === this.committee.epoch
      ? this.#epoch
      : findEpoch(this.store, this.secret, this.committee.epoch, number);
  }

  /** Makes the last checkpoint of this epoch, with all that waits; the committee after it has new keys. */
  endEpoch(): void {
    this.#flush(true);
  }

  /**
   * Executes a signed transaction; resolves when it is durable and in a certified checkpoint. Sending it again returns
   * what it did the first time.
   *
   * @throws {DevnetError} when it is refused; a transaction that ran and failed resolves
   */
  async submit(bytes: Uint8Array, signatures: Uint8Array[]): Promise<StoredTransaction> {
    const transaction = decode(bytes, signatures);
    const { data, digest } = transaction;
    await checkSignatures(bytes, signatures, [data.sender, data.gasData.owner]);
    await this.#nitro.prepare(data, this.timestampMs());
    const known = this.store.transaction(digest) ?? this.#inFlight.get(digest);
    if (known !== undefined) return known;
    const result = this.#enqueue(transaction);
    this.#inFlight.set(digest, result);
    return result.finally(() => this.#inFlight.delete(digest));
  }

  /** Runs a transaction against the present state and keeps nothing. @throws {DevnetError} when its inputs are refused */
  async simulate(bytes: Uint8Array, extra: ChainObject[] = []): Promise<Simulation> {
    const transaction = decode(bytes, []);
    await this.#nitro.prepare(transaction.data, this.timestampMs());
    const timestampMs = this.timestampMs();
    const source = this.#sourceWith([...extra, ...this.#clockAt(timestampMs)]);
    return this.#executor.run(transaction, source, this.#momentAt(timestampMs));
  }

  /** The VM, for signatures of functions. */
  get vm(): MoveVm {
    return this.#executor.vm;
  }

  #enqueue(transaction: SignedTransaction): Promise<StoredTransaction> {
    if (this.#queue.length === 0) setImmediate(() => this.#queue.length > 0 && this.#flush());
    return new Promise((resolve, reject) => this.#queue.push({ transaction, resolve, reject }));
  }

  #awaitIdle(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#flush(), IDLE_MS).unref();
  }

  /** Executes all that waits, in order, as one checkpoint and one durable write; with nothing to do it sets the clock. */
  #flush(ending = false): void {
    const batch = this.#queue;
    this.#queue = [];
    const settled: (() => void)[] = [];
    try {
      const built = this.store.atomically(() => this.#commit(batch, settled, ending));
      if (built !== undefined) this.#advance(built);
      for (const settle of settled) settle();
      if (built !== undefined) this.events.emit('checkpoint', built.checkpoint);
    } catch (error) {
      for (const { reject } of batch) reject(error);
      if (ending) throw error;
      if (batch.length === 0) console.error('devnet: cannot make a checkpoint', error);
    } finally {
      this.#awaitIdle();
    }
  }

  #commit(batch: Pending[], settled: (() => void)[], ending: boolean): BuiltCheckpoint | undefined {
    const timestampMs = this.timestampMs();
    const sequence = this.#parent.sequence + 1;
    const entries: BatchEntry[] = [];
    const keep = (entry: BatchEntry): StoredTransaction => {
      const position = this.#transactionCount + entries.length;
      const stored = { ...entry.record, checkpoint: sequence, position };
      this.store.apply(entry.changes);
      this.store.addTransaction(stored);
      entries.push(entry);
      return stored;
    };
    if (batch.length === 0 || batch.some(({ transaction }) => usesClock(transaction.data))) {
      for (const entry of this.#prologue(sequence, timestampMs)) keep(entry);
    }
    for (const { transaction, resolve, reject } of batch) {
      const outcome = attempt(() => this.#execute(transaction, timestampMs));
      if ('error' in outcome) {
        settled.push(() => reject(outcome.error));
      } else {
        const stored = keep(outcome.value);
        settled.push(() => resolve(stored));
      }
    }
    if (ending) keep(this.#epochChange(entries, timestampMs));
    return entries.length === 0 ? undefined : this.#seal(entries, timestampMs, ending);
  }

  #seal(entries: BatchEntry[], timestampMs: number, ending: boolean): BuiltCheckpoint {
    const total = this.#transactionCount + entries.length;
    const successor = ending ? Validators.derive(this.secret, this.committee.epoch + 1n) : undefined;
    const built = buildCheckpoint(this.committee, this.#parent, entries, total, timestampMs, successor);
    this.store.addCheckpoint(built.checkpoint);
    return built;
  }

  /** Goes on from a checkpoint that is durable. */
  #advance({ checkpoint, parent }: BuiltCheckpoint): void {
    this.#parent = parent;
    this.#transactionCount = this.store.transactionCount();
    this.#lastTimestamp = checkpoint.timestampMs;
    if (parent.epoch !== this.committee.epoch) this.#epoch = this.#findEpoch(parent.epoch);
  }

  #findEpoch(number: bigint): Epoch {
    return findEpoch(this.store, this.secret, number, number)!;
  }

  #momentAt(timestampMs: number): Moment {
    return { epoch: this.committee.epoch, epochStartMs: this.#epoch.startMs, timestampMs };
  }

  #execute(transaction: SignedTransaction, timestampMs: number): BatchEntry {
    checkExpiration(transaction.data, this.committee.epoch, this.chainId);
    const { execution, record } = this.#executor.run(transaction, this.store, this.#momentAt(timestampMs));
    return { record, gas: execution.settlement.gas, changes: toChanges(execution.transitions) };
  }

  #prologue(round: number, timestampMs: number): BatchEntry[] {
    const clock = this.store.object(CLOCK_ID)!;
    const { record, objects } = makePrologue(clock, this.committee.epoch, round, timestampMs);
    return [{ record, gas: NO_GAS, changes: objects.map((object) => ({ id: object.id, object })) }];
  }

  #epochChange(entries: BatchEntry[], timestampMs: number): BatchEntry {
    const record = makeEpochChange(this.committee.epoch, sumGas(entries, this.#parent), timestampMs);
    return { record, gas: NO_GAS, changes: [] };
  }

  /** The clock as the next batch will see it. */
  #clockAt(timestampMs: number): ChainObject[] {
    return makePrologue(this.store.object(CLOCK_ID)!, this.committee.epoch, 0, timestampMs).objects;
  }

  #sourceWith(objects: ChainObject[]): ObjectSource {
    const overlay = new Map(objects.map((object) => [object.id, object]));
    return {
      object: (id) => overlay.get(id) ?? this.store.object(id),
      lastVersion: (id) => this.store.lastVersion(id),
    };
  }
}

function writeGenesis(store: Store, framework: Uint8Array[], options: ChainOptions): void {
  const timestampMs = options.now();
  const { record, objects } = makeGenesis(framework, options.allocations, timestampMs);
  store.setMeta(CHAIN_META, options.secret);
  store.apply(objects.map((object) => ({ id: object.id, object })));
  store.addTransaction({ ...record, position: 0, checkpoint: 0 });
  const entries = [{ record, gas: NO_GAS }];
  store.addCheckpoint(
    buildCheckpoint(Validators.derive(options.secret), undefined, entries, 1, timestampMs).checkpoint,
  );
}

function decode(bytes: Uint8Array, signatures: Uint8Array[]): SignedTransaction {
  if (bytes.length > TRANSACTION_LIMITS.bytes)
    throw new DevnetError(
      'INVALID_ARGUMENT',
      `Cannot take transaction: ${bytes.length} bytes, at most ${TRANSACTION_LIMITS.bytes} are allowed`,
    );
  try {
    const transaction = decodeTransaction(bytes, signatures);
    programmable(transaction.data);
    return transaction;
  } catch (cause) {
    if (cause instanceof DevnetError) throw cause;
    throw new DevnetError('INVALID_ARGUMENT', 'Cannot decode transaction: not the BCS of a TransactionData', {
      cause,
    });
  }
}

function usesClock(data: TransactionData): boolean {
  return programmable(data).inputs.some(
    (input) =>
      input.$kind === 'Object' &&
      input.Object.$kind === 'SharedObject' &&
      input.Object.SharedObject.objectId === CLOCK_ID,
  );
}

function attempt<T>(work: () => T): { value: T } | { error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
}

function toChanges(transitions: Map<Address, ObjectTransition>) {
  return [...transitions].map(([id, { after }]) => ({ id, object: after }));
}
