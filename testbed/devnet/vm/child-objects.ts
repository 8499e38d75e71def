import { EXECUTION_LIMITS } from '../protocol.ts';
import type { Codec } from './bcs.ts';
import { primitiveError } from './machine.ts';
import type { Type } from './type.ts';
import type { Address, ObjectReader, ObjectWrite, TypeName } from './types.ts';
import { idOf, Reference, type Value } from './value.ts';

/** A child object as this transaction has it. */
interface Child {
  type: TypeName;
  /** Who it belongs to now; undefined once it is taken out. */
  parent: Address | undefined;
  /** Once it is used: with the layout it was read by, and one place that references into the object can point to. */
  loaded: { codec: Codec; type: Type; cell: Value[] } | undefined;
  /** What the store has, if it comes from there. */
  stored: { parent: Address; bcs: Uint8Array } | undefined;
}

/** Whether a child was used before in this transaction, or only looked for, if at all. */
export type ChildUse = 'used' | 'unused';

/** How natives turn stored objects into values. */
export interface ChildLoader {
  readonly codec: Codec;
  type(name: string): Type;
}

/**
 * The child objects (dynamic fields) that a transaction touches. They live here as values for the whole transaction, so
 * that every call sees the changes of earlier ones.
 */
export class ChildObjects {
  readonly #objects: ObjectReader;
  readonly #children = new Map<Address, Child>();
  /** Ids that the store was asked for, and ids of children in use. */
  readonly #sought = new Set<Address>();
  readonly #used = new Set<Address>();

  constructor(objects: ObjectReader) {
    this.#objects = objects;
  }

  /**
   * Looks for a child; its type is undefined if `parent` has none of that id.
   *
   * @param charge gets the size of what is read from the store; undefined when nothing is there
   * @throws {VmError} `MEMORY_LIMIT_EXCEEDED` when too many are looked for
   */
  find(
    parent: Address,
    id: Address,
    charge: (bytes: number | undefined) => void,
  ): { type: TypeName | undefined; use: ChildUse } {
    const child = this.#find(parent, id, charge);
    return { type: child?.type, use: child?.loaded ? 'used' : 'unused' };
  }

  /** A place inside the child, which {@link find} must have found. */
  borrow(loader: ChildLoader, id: Address): Reference {
    return new Reference(this.#load(loader, this.#children.get(id)!).cell, 0);
  }

  /** Takes out the child, which {@link find} must have found. */
  remove(loader: ChildLoader, id: Address): Value {
    const child = this.#children.get(id)!;
    const { cell } = this.#load(loader, child);
    child.parent = undefined;
    return cell[0]!;
  }

  add(codec: Codec, parent: Address, id: Address, type: Type, value: Value): void {
    const stored = this.#children.get(id)?.stored;
    this.#use(id);
    this.#children.set(id, { type: type.name, parent, loaded: { codec, type, cell: [value] }, stored });
  }

  /** Whether the object was in the store, under some parent, when the transaction began. */
  isStored(id: Address): boolean {
    return this.#children.get(id)?.stored !== undefined;
  }

  /** Children that are new, moved or changed. */
  changes(): ObjectWrite[] {
    return [...this.#children].flatMap(([id, { type, parent, loaded, stored }]) => {
      if (parent === undefined || loaded === undefined) return [];
      const bcs = loaded.codec.encode(loaded.type, loaded.cell[0]!);
      if (stored?.parent === parent && Buffer.compare(stored.bcs, bcs) === 0) return [];
      return [{ id, type, bcs, owner: { kind: 'object', parent } }];
    });
  }

  /** Ids of stored children that are no longer where they were. */
  removed(): Set<Address> {
    return this.#ids((child) => child.stored !== undefined && child.parent !== child.stored.parent);
  }

  /** Ids of stored children that were read. */
  loaded(): Set<Address> {
    return this.#ids((child) => child.stored !== undefined);
  }

  #ids(matches: (child: Child) => boolean): Set<Address> {
    return new Set([...this.#children].filter(([, child]) => matches(child)).map(([id]) => id));
  }

  #find(parent: Address, id: Address, charge: (bytes: number | undefined) => void): Child | undefined {
    const known = this.#children.get(id);
    if (known) return known.parent === parent ? known : undefined;
    if (this.#sought.has(id)) return undefined;
    if (this.#sought.size >= EXECUTION_LIMITS.cachedObjects) throw tooMany('looked for');
    this.#sought.add(id);
    const object = this.#objects.child(parent, id);
    charge(object?.bcs.length);
    if (!object) return undefined;
    const { type, bcs } = object;
    const child = { type, parent, loaded: undefined, stored: { parent, bcs } };
    this.#children.set(id, child);
    return child;
  }

  /** Versions of a package agree on the layout of a type, so whoever comes first may read it. */
  #load(loader: ChildLoader, child: Child) {
    if (child.loaded) return child.loaded;
    const type = loader.type(child.type);
    const value = loader.codec.decode(type, child.stored!.bcs);
    this.#use(idOf(value));
    child.loaded = { codec: loader.codec, type, cell: [value] };
    return child.loaded;
  }

  #use(id: Address): void {
    if (!this.#used.has(id) && this.#used.size >= EXECUTION_LIMITS.storeEntries) throw tooMany('used');
    this.#used.add(id);
  }
}

function tooMany(what: string): Error {
  const { cachedObjects } = EXECUTION_LIMITS;
  return primitiveError('MEMORY_LIMIT_EXCEEDED', `more than ${cachedObjects} child objects are ${what}`);
}
