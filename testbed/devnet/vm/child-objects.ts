import type { Codec } from './bcs.ts';
import type { Type } from './type.ts';
import type { Address, ObjectReader, ObjectWrite, TypeName } from './types.ts';
import { Reference, type Value } from './value.ts';

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
  typeOf(parent: Address, id: Address, charge: (bytes: number) => void): TypeName | undefined {
    return this.#find(parent, id, charge)?.type;
  }

  /** A place inside the child, which {@link typeOf} must have found. */
  borrow(loader: ChildLoader, id: Address): Reference {
    return new Reference(load(loader, this.#children.get(id)!).cell, 0);
  }

  /** Takes out the child, which {@link typeOf} must have found. */
  remove(loader: ChildLoader, id: Address): Value {
    const child = this.#children.get(id)!;
    const { cell } = load(loader, child);
    child.parent = undefined;
    return cell[0]!;
  }

  add(codec: Codec, parent: Address, id: Address, type: Type, value: Value): void {
    const stored = this.#children.get(id)?.stored;
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

  #find(parent: Address, id: Address, charge: (bytes: number) => void): Child | undefined {
    const known = this.#children.get(id);
    if (known) return known.parent === parent ? known : undefined;
    const object = this.#objects.child(parent, id);
    if (!object) return undefined;
    const { type, bcs } = object;
    charge(bcs.length);
    const child = { type, parent, loaded: undefined, stored: { parent, bcs } };
    this.#children.set(id, child);
    return child;
  }
}

/** Versions of a package agree on the layout of a type, so whoever comes first may read it. */
function load(loader: ChildLoader, child: Child) {
  if (child.loaded) return child.loaded;
  const type = loader.type(child.type);
  child.loaded = { codec: loader.codec, type, cell: [loader.codec.decode(type, child.stored!.bcs)] };
  return child.loaded;
}
