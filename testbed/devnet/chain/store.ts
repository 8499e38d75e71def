import { hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { DevnetError } from '../error.ts';
import {
  type ChainObject,
  type ChainOwner,
  coinBalance,
  decodeObject,
  encodeObject,
} from '../transaction/object.ts';
import { isCoinInfo } from '../transaction/type-name.ts';
import type { Address, TypeName } from '../vm/types.ts';
import { eventPlace, facetsOf } from './facets.ts';

/** A transaction with everything it did. */
export interface TransactionRecord {
  /** Base58. */
  digest: string;
  /** BCS of TransactionData. */
  data: Uint8Array;
  signatures: Uint8Array[];
  /** BCS of TransactionEffects. */
  effects: Uint8Array;
  effectsDigest: string;
  /** BCS of TransactionEvents; undefined when it emitted none. */
  events: Uint8Array | undefined;
  /** Types of changed and of read-only shared objects, by id. */
  objectTypes: Record<Address, string>;
  /** Net change of coin balances. */
  balanceChanges: { address: Address; coinType: TypeName; amount: string }[];
  timestampMs: number;
}

/** A transaction at its place in the chain. */
export interface StoredTransaction extends TransactionRecord {
  /** Position in the chain, from 0. */
  position: number;
  checkpoint: number;
}

export interface StoredCheckpoint {
  sequence: number;
  digest: string;
  summary: Uint8Array;
  contents: Uint8Array;
  epoch: bigint;
  signature: Uint8Array;
  bitmap: Uint8Array;
  timestampMs: number;
}

/** An object appearing, changing or vanishing. */
export interface ObjectChange {
  id: Address;
  /** Undefined when it was deleted or wrapped. */
  object: ChainObject | undefined;
}

export interface Page<T> {
  items: T[];
  /** Key of the last item when there are more. */
  next: string | undefined;
}

/** `PRAGMA user_version` of the tables below; a directory without one has no index of the past, and gets it. */
const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS versions (
    id TEXT NOT NULL, version INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (id, version)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS live (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, owner_kind TEXT NOT NULL, owner TEXT, type TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS live_by_owner ON live (owner, owner_kind, type, id);
  CREATE TABLE IF NOT EXISTS transactions (
    position INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, checkpoint INTEGER NOT NULL,
    data BLOB NOT NULL, signatures TEXT NOT NULL, effects BLOB NOT NULL, effects_digest TEXT NOT NULL,
    events BLOB, details TEXT NOT NULL, timestamp_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS transactions_by_checkpoint ON transactions (checkpoint);
  CREATE TABLE IF NOT EXISTS checkpoints (
    sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, summary BLOB NOT NULL, contents BLOB NOT NULL,
    epoch INTEGER NOT NULL, signature BLOB NOT NULL, bitmap BLOB NOT NULL, timestamp_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS checkpoints_by_epoch ON checkpoints (epoch, sequence);
  CREATE TABLE IF NOT EXISTS facets (
    facet BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (facet, place)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS coin_info (type TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;
/** SQLite's integers are signed. */
const MAX_INTEGER = 2n ** 63n - 1n;

/** What SQLite's result codes mean for the directory; the lowest byte of each is what is looked at. */
const SQLITE_REASONS: Record<number, string> = {
  5: 'another devnet uses it',
  8: 'it may not be written',
  10: 'it cannot be read or written, perhaps the disk is full',
  11: 'its database is damaged',
  13: 'the disk is full',
  14: 'its database cannot be opened',
  26: 'chain.db in it is no database',
};

type Row = Record<string, unknown>;

/**
 * Everything the chain knows, in SQLite: in a directory it is durable at every commit (WAL, synchronous=FULL), without
 * one it lives in SQLite's own temporary file, so that memory stays bounded.
 */
export class Store {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #cache = new Map<Address, ChainObject>();

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Opens the database, creating it when missing.
   *
   * @throws {DevnetError} `FAILED_PRECONDITION` when the directory cannot be used
   */
  static open(directory: string | undefined): Store {
    if (directory === undefined) return Store.#prepare(new DatabaseSync(''), 'PRAGMA journal_mode = MEMORY');
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const db = new DatabaseSync(join(directory, 'chain.db'));
      return Store.#prepare(
        db,
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL',
      );
    } catch (cause) {
      if (cause instanceof DevnetError) throw cause;
      const why = reasonOf(cause) ?? (cause as Error).message;
      throw new DevnetError('FAILED_PRECONDITION', `Cannot open the chain in ${directory}: ${why}`, {
        cause,
      });
    }
  }

  static #prepare(db: DatabaseSync, pragmas: string): Store {
    db.exec(pragmas);
    const store = new Store(db);
    const version = Number(store.#get('PRAGMA user_version')!.user_version);
    if (version > SCHEMA_VERSION) {
      db.close();
      throw new DevnetError(
        'FAILED_PRECONDITION',
        `Cannot open the chain: its schema is ${version}, this devnet knows up to ${SCHEMA_VERSION}; use a newer one`,
      );
    }
    db.exec(SCHEMA);
    if (version < SCHEMA_VERSION) store.#indexThePast();
    return store;
  }

  /** Fills the indexes that schema 0 did not have. */
  #indexThePast(): void {
    this.atomically(() => {
      const count = this.transactionCount();
      for (let position = 0; position < count; position += 1)
        this.#addFacets(position, this.transactionAt(position)!);
      for (const { id, type } of this.#all('SELECT id, type FROM live WHERE type IS NOT NULL'))
        this.#addCoinInfo(id as string, type as string);
      this.#db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    });
  }

  close(): void {
    this.#db.close();
  }

  /** Runs `work` as one durable unit: all of it or nothing. @throws {DevnetError} `RESOURCE_EXHAUSTED` for the disk */
  atomically<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#cache.clear();
      // When the disk is full, SQLite has rolled back itself.
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      const why = reasonOf(error);
      if (why === undefined) throw error;
      throw new DevnetError('RESOURCE_EXHAUSTED', `Cannot write the chain: ${why}; nothing was changed`, {
        cause: error,
      });
    }
  }

  getMeta(key: string): Uint8Array | undefined {
    return this.#get('SELECT value FROM meta WHERE key = ?', key)?.value as Uint8Array | undefined;
  }

  setMeta(key: string, value: Uint8Array): void {
    this.#run('INSERT OR REPLACE INTO meta VALUES (?, ?)', key, value);
  }

  /** @returns the live version of an object, undefined when deleted, wrapped or unknown */
  object(id: Address): ChainObject | undefined {
    const cached = this.#cache.get(id);
    if (cached !== undefined) return cached;
    const row = this.#get('SELECT bytes FROM live JOIN versions USING (id, version) WHERE live.id = ?', id);
    return row === undefined ? undefined : this.#remember(decodeObject(row.bytes as Uint8Array));
  }

  /** @returns every version of every package, each of which is an object of its own */
  packages(): ChainObject[] {
    return this.#all('SELECT id FROM live WHERE type IS NULL').map((row) => this.object(row.id as string)!);
  }

  /** @returns one past or present version of an object */
  objectAt(id: Address, version: bigint): ChainObject | undefined {
    if (version > MAX_INTEGER) return undefined;
    const row = this.#get('SELECT bytes FROM versions WHERE id = ? AND version = ?', id, version);
    return row === undefined ? undefined : decodeObject(row.bytes as Uint8Array);
  }

  /** @returns the object's newest version even if it is gone, to tell "deleted" from "never existed" */
  lastVersion(id: Address): bigint | undefined {
    const row = this.#get('SELECT max(version) AS version FROM versions WHERE id = ?', id);
    return row?.version === null || row === undefined ? undefined : BigInt(row.version as number);
  }

  /** Live objects of an owner in id order, optionally of one type, or of any instance of a generic type. */
  ownedBy(
    owner: Address,
    kind: 'address' | 'object',
    { type, after = '', limit }: { type?: TypeName; after?: string; limit: number },
  ): Page<ChainObject> {
    const rows = this.#all(
      `SELECT id FROM live WHERE owner = ? AND owner_kind = ? AND id > ?
       ${type === undefined ? '' : "AND (type = ? OR substr(type, 1, length(?) + 1) = ? || '<')"} ORDER BY id LIMIT ?`,
      owner,
      kind,
      after,
      ...(type === undefined ? [] : [type, type, type]),
      limit + 1,
    );
    const items = rows.slice(0, limit).map((row) => this.object(row.id as string)!);
    return { items, next: rows.length > limit ? items.at(-1)!.id : undefined };
  }

  /** Balances of an owner's coins by the coin's `Coin<T>` type, in the order of types. */
  coinBalances(owner: Address): Map<TypeName, bigint> {
    const balances = new Map<TypeName, bigint>();
    const rows = this.#all(
      `SELECT id, type FROM live WHERE owner = ? AND owner_kind = 'address' AND type LIKE '0x%2::coin::Coin<%' ORDER BY type`,
      owner,
    );
    for (const { id, type } of rows as { id: string; type: string }[]) {
      const data = this.object(id)!.data;
      if (data.kind === 'move') balances.set(type, (balances.get(type) ?? 0n) + coinBalance(data.contents));
    }
    return balances;
  }

  /** Writes what a transaction changed. */
  apply(changes: ObjectChange[]): void {
    for (const { id, object } of changes) {
      if (object === undefined) {
        this.#run('DELETE FROM live WHERE id = ?', id);
        this.#cache.delete(id);
        continue;
      }
      this.#run('INSERT INTO versions VALUES (?, ?, ?)', id, object.version, encodeObject(object).bytes);
      const type = object.data.kind === 'move' ? object.data.type : null;
      const { kind } = object.owner;
      this.#run(
        'INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?, ?)',
        id,
        object.version,
        kind,
        ownerKey(object.owner),
        type,
      );
      if (type !== null) this.#addCoinInfo(id, type);
      this.#remember(object);
    }
  }

  /** @returns the object of this type, one of those that describe a coin and of which there is one for each coin */
  coinInfo(type: TypeName): ChainObject | undefined {
    const row = this.#get('SELECT id FROM coin_info WHERE type = ?', type);
    return row && this.object(row.id as string);
  }

  #addCoinInfo(id: Address, type: TypeName): void {
    if (isCoinInfo(type)) this.#run('INSERT OR REPLACE INTO coin_info VALUES (?, ?)', type, id);
  }

  addTransaction(transaction: StoredTransaction): void {
    const { position, digest, checkpoint, data, effects, effectsDigest, events, timestampMs } = transaction;
    const { objectTypes, balanceChanges } = transaction;
    this.#run(
      'INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      position,
      digest,
      checkpoint,
      data,
      JSON.stringify(transaction.signatures.map((bytes) => Buffer.from(bytes).toString('base64'))),
      effects,
      effectsDigest,
      events ?? null,
      JSON.stringify({ objectTypes, balanceChanges }),
      timestampMs,
    );
    this.#addFacets(position, transaction);
  }

  #addFacets(position: number, record: TransactionRecord): void {
    const { transaction, events } = facetsOf(record);
    for (const facet of transaction) this.#addFacet(facet, position);
    for (const [index, facets] of events.entries())
      for (const facet of facets) this.#addFacet(facet, eventPlace(position, index));
  }

  #addFacet(facet: string, place: number): void {
    this.#run('INSERT OR IGNORE INTO facets VALUES (?, ?)', facetKey(facet), place);
  }

  /** @returns the nearest place with this facet, from `place` on (itself included) in the direction asked for */
  nextFacet(facet: string, place: number, descending: boolean): number | undefined {
    const [compare, order] = descending ? ['<=', 'DESC'] : ['>=', 'ASC'];
    const sql = `SELECT place FROM facets WHERE facet = ? AND place ${compare} ? ORDER BY place ${order} LIMIT 1`;
    return this.#get(sql, facetKey(facet), place)?.place as number | undefined;
  }

  transaction(digest: string): StoredTransaction | undefined {
    const row = this.#get('SELECT * FROM transactions WHERE digest = ?', digest);
    return row && toTransaction(row);
  }

  transactionAt(position: number): StoredTransaction | undefined {
    const row = this.#get('SELECT * FROM transactions WHERE position = ?', position);
    return row && toTransaction(row);
  }

  /** @returns the checkpoint of the transaction at a position; of a transaction to come, the next checkpoint */
  checkpointOf(position: number): number {
    const row = this.#get('SELECT checkpoint FROM transactions WHERE position = ?', position);
    return (row?.checkpoint as number | undefined) ?? this.latestCheckpoint()!.sequence + 1;
  }

  /** @returns the position of the first transaction of a checkpoint; of a checkpoint to come, the next position */
  firstPositionOf(checkpoint: number): number {
    const row = this.#get('SELECT min(position) AS first FROM transactions WHERE checkpoint = ?', checkpoint);
    return (row?.first as number | null) ?? this.transactionCount();
  }

  transactionsOf(checkpoint: number): StoredTransaction[] {
    return this.#all('SELECT * FROM transactions WHERE checkpoint = ? ORDER BY position', checkpoint).map(
      toTransaction,
    );
  }

  /** @returns the newest transactions, newest first */
  recentTransactions(limit: number): StoredTransaction[] {
    return this.#all('SELECT * FROM transactions ORDER BY position DESC LIMIT ?', limit).map(toTransaction);
  }

  transactionCount(): number {
    return ((this.#get('SELECT max(position) AS last FROM transactions')?.last as number | null) ?? -1) + 1;
  }

  addCheckpoint(checkpoint: StoredCheckpoint): void {
    const { sequence, digest, summary, contents, epoch, signature, bitmap, timestampMs } = checkpoint;
    this.#run(
      'INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      sequence,
      digest,
      summary,
      contents,
      epoch,
      signature,
      bitmap,
      timestampMs,
    );
  }

  checkpoint(key: number | string): StoredCheckpoint | undefined {
    const column = typeof key === 'number' ? 'sequence' : 'digest';
    return this.#checkpoint(this.#get(`SELECT * FROM checkpoints WHERE ${column} = ?`, key));
  }

  latestCheckpoint(): StoredCheckpoint | undefined {
    return this.#checkpoint(this.#get('SELECT * FROM checkpoints ORDER BY sequence DESC LIMIT 1'));
  }

  /** @returns the sequence number of an epoch's newest checkpoint, undefined when it has none */
  lastCheckpointOf(epoch: bigint): number | undefined {
    if (epoch > MAX_INTEGER) return undefined;
    const row = this.#get('SELECT max(sequence) AS last FROM checkpoints WHERE epoch = ?', epoch);
    return (row?.last as number | null) ?? undefined;
  }

  #checkpoint(row: Row | undefined): StoredCheckpoint | undefined {
    if (row === undefined) return undefined;
    return { ...row, epoch: BigInt(row.epoch as number), timestampMs: row.timestamp_ms } as StoredCheckpoint;
  }

  #remember(object: ChainObject): ChainObject {
    const CACHED_OBJECTS = 20_000;
    if (this.#cache.size >= CACHED_OBJECTS) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(object.id, object);
    return object;
  }

  #statement(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #get(sql: string, ...parameters: (string | number | bigint | Uint8Array | null)[]): Row | undefined {
    return this.#statement(sql).get(...parameters) as Row | undefined;
  }

  #all(sql: string, ...parameters: (string | number | bigint | Uint8Array | null)[]): Row[] {
    return this.#statement(sql).all(...parameters) as Row[];
  }

  #run(sql: string, ...parameters: (string | number | bigint | Uint8Array | null)[]): void {
    this.#statement(sql).run(...parameters);
  }
}

/** Facets may be long, and are many: 128 bits of their hash stand for them. */
function facetKey(facet: string): Uint8Array {
  return hash('sha256', facet, 'buffer').subarray(0, 16);
}

function ownerKey(owner: ChainOwner): string | null {
  if (owner.kind === 'address') return owner.address;
  return owner.kind === 'object' ? owner.parent : null;
}

function toTransaction(row: Row): StoredTransaction {
  const { objectTypes, balanceChanges } = JSON.parse(row.details as string);
  return {
    position: row.position as number,
    digest: row.digest as string,
    checkpoint: row.checkpoint as number,
    data: row.data as Uint8Array,
    signatures: (JSON.parse(row.signatures as string) as string[]).map((text) => Buffer.from(text, 'base64')),
    effects: row.effects as Uint8Array,
    effectsDigest: row.effects_digest as string,
    events: (row.events as Uint8Array | null) ?? undefined,
    objectTypes,
    balanceChanges,
    timestampMs: row.timestamp_ms as number,
  };
}

function reasonOf(error: unknown): string | undefined {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? undefined : SQLITE_REASONS[errcode & 0xff];
}
