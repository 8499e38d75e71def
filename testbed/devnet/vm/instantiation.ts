import type { Type, TypeTable } from './type.ts';

/**
 * The type arguments of one call instruction. Lists are computed once per list of the caller, and those are kept the same
 * way, so that identity can be the key.
 */
export class Instantiation {
  readonly #types: TypeTable;
  readonly #arguments: readonly Type[];
  readonly #closed: boolean;
  readonly #known = new WeakMap<readonly Type[], readonly Type[]>();

  constructor(types: TypeTable, args: readonly Type[]) {
    this.#types = types;
    this.#arguments = args;
    this.#closed = !args.some((argument) => argument.open);
  }

  /** The arguments in a frame that has the given type arguments itself. */
  of(outer: readonly Type[]): readonly Type[] {
    if (this.#closed) return this.#arguments;
    let list = this.#known.get(outer);
    if (!list) {
      list = this.#arguments.map((argument) => this.#types.substitute(argument, outer));
      this.#known.set(outer, list);
    }
    return list;
  }
}
