import { type Address, type PackageCode, type PackageSource, VmError } from './types.ts';

interface Constraint {
  code: PackageCode;
  /** This version and no other; otherwise this one or a later one. */
  exact: boolean;
}

/**
 * Which version of each package a call runs with. Every package in use demands versions of others; for each there must be
 * one version that satisfies all demands.
 */
export class Linkage {
  readonly #source: PackageSource;
  /** By original id. */
  readonly #constraints = new Map<Address, Constraint>();
  #key: string | undefined;

  constructor(source: PackageSource) {
    this.#source = source;
  }

  /** Whether there is a package of that storage id. */
  has(id: Address): boolean {
    return this.#source.package(id) !== undefined;
  }

  /** Demands a version. @throws {VmError} `InvalidLinkage` when it is missing, or clashes with what else is demanded */
  add(id: Address, exact: boolean): PackageCode {
    const code = this.#source.package(id);
    if (!code) throw new VmError('InvalidLinkage', `Cannot link package ${id}: it does not exist`);
    this.#key = undefined;
    const known = this.#constraints.get(code.originalId);
    this.#constraints.set(code.originalId, known ? unify(known, { code, exact }) : { code, exact });
    return code;
  }

  /** Demands a version and those that it was published with. @throws {VmError} `InvalidLinkage` */
  addWithDependencies(id: Address, exact: boolean, exactDependencies: boolean): void {
    const code = this.add(id, exact);
    for (const dependency of code.linkage.values()) this.add(dependency.id, exactDependencies);
  }

  /** The version in use, by the first version's id; a package that nobody mentioned stands for itself. */
  storageId(originalId: Address): Address {
    return this.#constraints.get(originalId)?.code.id ?? originalId;
  }

  /** How many packages were mentioned. */
  get size(): number {
    return this.#constraints.size;
  }

  /** Equal for linkages that run the same code: names the packages that are not in their first version. */
  get key(): string {
    if (this.#key !== undefined) return this.#key;
    const upgraded = [...this.#constraints].filter(([originalId, { code }]) => code.id !== originalId);
    this.#key = upgraded
      .map(([, { code }]) => code.id)
      .sort()
      .join();
    return this.#key;
  }
}

function unify(one: Constraint, other: Constraint): Constraint {
  const newest = one.code.version > other.code.version ? one : other;
  for (const { code, exact } of [one, other]) {
    if (!exact || code.id === newest.code.id) continue;
    const message = `Cannot link package ${code.originalId}: its versions ${code.version} and ${newest.code.version} are both needed`;
    throw new VmError('InvalidLinkage', message);
  }
  return { code: newest.code, exact: one.exact || other.exact };
}
