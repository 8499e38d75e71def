import type { Codec } from './bcs.ts';
import type { Type } from './type.ts';
import type { Address, ObjectReader, ObjectWrite, TypedBytes } from './types.ts';
import { Reference, type Value } from './value.ts';

/** A child object as this transaction has it. */
interface Child {
  codec: Codec;
  type: Type;
  /** Who it belongs to now; undefined once it is taken out. */
  parent: Address | undefined;
  /** One place that references into the object can point to. */
  cell: Value[];
  /** What the store has, if it comes from there. */
  stored: { parent: Address; bcs: Uint8Array } | undefined;
}

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

  constructor(objects: ObjectReader) {
    this.#objects = objects;
  }

  /** The type of the child, undefined if `parent` has none of that id. `charge` gets the size of what is read. */
  typeOf(
    loader: ChildLoader,
    parent: Address,
    id: Address,
    charge: (bytes: number) => void,
  ): Type | undefined {
    return this.#find(loader, parent, id, charge)?.type;
  }

  /** A place inside the child, which {@link typeOf} must have found. */
  borrow(id: Address): Reference {
    return new Reference(this.#children.get(id)!.cell, 0);
  }

  /** Takes out the child, which {@link typeOf} must have found. */
  remove(id: Address): Value {
    const child = this.#children.get(id)!;
    child.parent = undefined;
    return child.cell[0]!;
  }

  add(codec: Codec, parent: Address, id: Address, type: Type, value: Value): void {
    const stored = this.#children.get(id)?.stored;
    this.#children.set(id, { codec, type, parent, cell: [value], stored });
  }

  /** Whether the object was in the store, under some parent, when the transaction began. */
  isStored(id: Address): boolean {
    return this.#children.get(id)?.stored !== undefined;
  }

  /** Children that are new, moved or changed. */
  changes(): ObjectWrite[] {
    return [...this.#children].flatMap(([id, { codec, type, parent, cell, stored }]) => {
      if (parent === undefined) return [];
      const bcs = codec.encode(type, cell[0]!);
      if (stored?.parent === parent && Buffer.compare(stored.bcs, bcs) === 0) return [];
      return [{ id, type: type.name, bcs, owner: { kind: 'object', parent } }];
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

  #find(
    loader: ChildLoader,
    parent: Address,
    id: Address,
    charge: (bytes: number) => void,
  ): Child | undefined {
    const known = this.#children.get(id);
    if (known) return known.parent === parent ? known : undefined;
    const object = this.#objects.child(parent, id);
    if (!object) return undefined;
    charge(object.bcs.length);
    return this.#load(loader, parent, id, object);
  }

  #load(loader: ChildLoader, parent: Address, id: Address, { type: name, bcs }: TypedBytes): Child {
    const type = loader.type(name);
    const cell = [loader.codec.decode(type, bcs)];
    const child = { codec: loader.codec, type, parent, cell, stored: { parent, bcs } };
    this.#children.set(id, child);
    return child;
  }
}
