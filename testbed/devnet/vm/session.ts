import { blake2b } from '@noble/hashes/blake2.js';
import { EXECUTION_LIMITS } from '../protocol.ts';
import { toHexAddress } from './bcs.ts';
import { ChildObjects } from './child-objects.ts';
import { GasMeter } from './gas/meter.ts';
import { abort, primitiveError } from './machine.ts';
import type {
  Address,
  EmittedEvent,
  ModuleId,
  ObjectWrite,
  Owner,
  Session,
  SessionOptions,
  SessionOutputs,
  TypedBytes,
} from './types.ts';

/** Sui's domain byte for ids of objects made in a transaction. */
const REGULAR_OBJECT_SCOPE = 0xf1;

/** `sui::transfer::ESharedNonNewObject` */
const SHARED_NON_NEW_OBJECT = 0n;

/** What `TxContext` tells; unit tests may replace it as a whole. */
export interface TransactionContext {
  sender: Address;
  digest: Uint8Array;
  epoch: bigint;
  epochTimestampMs: bigint;
  idsCreated: bigint;
  sponsor: Address | undefined;
}

/** Starts a transaction. */
export function createSession(options: SessionOptions): TransactionSession {
  return new TransactionSession(options);
}

/** {@link Session} as the natives use it. */
export class TransactionSession implements Session {
  readonly options: SessionOptions;
  readonly children: ChildObjects;
  context: TransactionContext;
  readonly meter: GasMeter;
  /** The module of the function that the transaction called last, or whose `init` runs. */
  calledModule: ModuleId | undefined;
  readonly #created = new Set<Address>();
  readonly #deleted = new Set<Address>();
  readonly #received = new Set<Address>();
  readonly #writes = new Map<Address, ObjectWrite>();
  readonly #events: EmittedEvent[] = [];
  #eventSize = 0;

  constructor(options: SessionOptions) {
    const { sender, sponsor, transactionDigest, epoch, epochTimestampMs, objects } = options;
    this.options = options;
    this.meter = new GasMeter(options.gasLimit);
    this.children = new ChildObjects(objects);
    this.context = { sender, sponsor, digest: transactionDigest, epoch, epochTimestampMs, idsCreated: 0n };
  }

  newId(): Address {
    const input = Buffer.alloc(41);
    input[0] = REGULAR_OBJECT_SCOPE;
    input.set(this.context.digest, 1);
    input.writeBigUInt64LE(this.context.idsCreated++, 33);
    const id = toHexAddress(blake2b(input, { dkLen: 32 }));
    this.recordId(id);
    return id;
  }

  /** Records an id that is derived otherwise, as those of dynamic fields. */
  recordId(id: Address): void {
    this.#deleted.delete(id);
    this.#created.add(id);
    checkCount(this.#created.size, 'new ids');
  }

  deleteId(id: Address): void {
    const isNew = this.#created.delete(id) && !this.children.isStored(id);
    if (!isNew) this.#deleted.add(id);
    checkCount(this.#deleted.size, 'deleted ids');
  }

  transfer({ type, bcs }: TypedBytes, owner: Owner): void {
    const id = toHexAddress(bcs.subarray(0, 32));
    if (owner.kind === 'shared' && !this.#created.has(id)) this.#checkStaysShared(id);
    this.#writes.set(id, { id, type, bcs, owner });
    checkCount(this.#writes.size, 'transferred objects');
  }

  /** Takes what was sent to an object; undefined if it is not there or already taken. */
  receive(parent: Address, id: Address, version: bigint): TypedBytes | undefined {
    if (this.#received.has(id)) return undefined;
    const object = this.options.objects.receivable(parent, id, version);
    if (object) this.#received.add(id);
    return object;
  }

  /** @param size - abstract size of the event and its type. @throws {VmError} `MEMORY_LIMIT_EXCEEDED` */
  emit(event: TypedBytes, size: number): void {
    const { events, eventSize, eventSizeTotal } = EXECUTION_LIMITS;
    this.#eventSize += size;
    if (size > eventSize || this.#eventSize > eventSizeTotal || this.#events.length >= events) {
      const reason = `more than ${events} events, one of more than ${eventSize} bytes, or more than ${eventSizeTotal} in all`;
      throw primitiveError('MEMORY_LIMIT_EXCEEDED', reason);
    }
    this.#events.push({ ...event, module: this.calledModule! });
  }

  finish(): SessionOutputs {
    const writes = [...this.#writes.values(), ...this.children.changes()];
    return {
      created: new Set([...this.#created].filter((id) => !this.children.isStored(id))),
      deleted: this.#deleted,
      writes,
      removedChildren: this.children.removed(),
      loadedChildren: this.children.loaded(),
      received: this.#received,
      events: this.#events,
    };
  }

  #checkStaysShared(id: Address): void {
    if (this.options.objects.inputOwner(id)?.kind !== 'shared') throw abort(SHARED_NON_NEW_OBJECT);
  }
}

function checkCount(count: number, what: string): void {
  const { objects } = EXECUTION_LIMITS;
  if (count > objects) throw primitiveError('MEMORY_LIMIT_EXCEEDED', `more than ${objects} ${what}`);
}
