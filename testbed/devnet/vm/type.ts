import type { Abilities, Address, ModuleId, TypeName } from './types.ts';

/** Bits of an ability set, as in the binary format. */
export const ABILITY = { copy: 1, drop: 2, store: 4, key: 8 } as const;

export type IntegerKind = 'u8' | 'u16' | 'u32' | 'u64' | 'u128' | 'u256';
export type TypeKind =
  | 'bool'
  | IntegerKind
  | 'address'
  | 'signer'
  | 'vector'
  | 'datatype'
  | 'reference'
  | 'mutable'
  | 'parameter';

/** A declared struct or enum; field types may mention the type parameters. */
export interface Datatype {
  /** By runtime id. */
  module: ModuleId;
  /** The package version that first had it. */
  definingId: Address;
  name: string;
  abilities: number;
  parameters: { constraints: number; is_phantom: boolean }[];
  fields?: Field[];
  variants?: { name: string; fields: Field[] }[];
}

export interface Field {
  name: string;
  type: Type;
}

/** A type; each distinct type exists once per {@link TypeTable}, so identity is equality. */
export interface Type {
  readonly kind: TypeKind;
  /** Canonical name; `$0` for a type parameter. */
  readonly name: TypeName;
  /** The element of a vector, the target of a reference, the arguments of a datatype. */
  readonly arguments: readonly Type[];
  readonly datatype?: Datatype;
  /** Of a type parameter. */
  readonly index: number;
  /** Mentions a type parameter. */
  readonly open: boolean;
}

function primitive(kind: TypeKind): Type {
  return { kind, name: kind, arguments: [], index: -1, open: false };
}

/** The types without arguments, by name. */
export const PRIMITIVES = {
  bool: primitive('bool'),
  u8: primitive('u8'),
  u16: primitive('u16'),
  u32: primitive('u32'),
  u64: primitive('u64'),
  u128: primitive('u128'),
  u256: primitive('u256'),
  address: primitive('address'),
  signer: primitive('signer'),
} as const;

/** Makes types and keeps one of each. */
export class TypeTable {
  readonly #types = new Map<TypeName, Type>();

  vector(element: Type): Type {
    return this.#compound('vector', `vector<${element.name}>`, [element]);
  }

  reference(target: Type): Type {
    return this.#compound('reference', `&${target.name}`, [target]);
  }

  mutable(target: Type): Type {
    return this.#compound('mutable', `&mut ${target.name}`, [target]);
  }

  parameter(index: number): Type {
    return this.#intern({ kind: 'parameter', name: `$${index}`, arguments: [], index, open: true });
  }

  datatype(datatype: Datatype, args: readonly Type[]): Type {
    const { module, name, definingId } = datatype;
    const suffix = args.length === 0 ? '' : `<${args.map((arg) => arg.name).join(', ')}>`;
    return this.#compound('datatype', `${definingId}::${module.name}::${name}${suffix}`, args, datatype);
  }

  /** Replaces type parameters by `args`. */
  substitute(type: Type, args: readonly Type[]): Type {
    if (!type.open) return type;
    if (type.kind === 'parameter') return args[type.index]!;
    const inner = type.arguments.map((argument) => this.substitute(argument, args));
    if (type.kind === 'datatype') return this.datatype(type.datatype!, inner);
    return this[type.kind as 'vector' | 'reference' | 'mutable'](inner[0]!);
  }

  #compound(kind: TypeKind, name: TypeName, args: readonly Type[], datatype?: Datatype): Type {
    return (
      this.#types.get(name) ??
      this.#intern({
        kind,
        name,
        arguments: args,
        index: -1,
        open: args.some((arg) => arg.open),
        ...(datatype && { datatype }),
      })
    );
  }

  #intern(type: Type): Type {
    const known = this.#types.get(type.name);
    if (known) return known;
    this.#types.set(type.name, type);
    return type;
  }
}

/**
 * The abilities of a type as bits of {@link ABILITY}.
 *
 * @param constraints of the type parameters in scope
 */
export function abilitiesOf(type: Type, constraints: readonly number[] = []): number {
  switch (type.kind) {
    case 'signer':
      return ABILITY.drop;
    case 'reference':
    case 'mutable':
      return ABILITY.copy | ABILITY.drop;
    case 'parameter':
      return constraints[type.index] ?? 0;
    case 'vector':
      return abilitiesOf(type.arguments[0]!, constraints) & (ABILITY.copy | ABILITY.drop | ABILITY.store);
    case 'datatype':
      return datatypeAbilities(type, constraints);
    default:
      return ABILITY.copy | ABILITY.drop | ABILITY.store;
  }
}

/** A datatype keeps copy, drop and store only if its arguments have them, and key only if they have store. */
function datatypeAbilities(type: Type, constraints: readonly number[]): number {
  let abilities = type.datatype!.abilities;
  type.arguments.forEach((argument, index) => {
    if (type.datatype!.parameters[index]!.is_phantom) return;
    const has = abilitiesOf(argument, constraints);
    const keeps =
      (has & (ABILITY.copy | ABILITY.drop | ABILITY.store)) | (has & ABILITY.store ? ABILITY.key : 0);
    abilities &= keeps;
  });
  return abilities;
}

/** Turns ability bits into flags. */
export function abilityFlags(bits: number): Abilities {
  return {
    copy: (bits & ABILITY.copy) !== 0,
    drop: (bits & ABILITY.drop) !== 0,
    store: (bits & ABILITY.store) !== 0,
    key: (bits & ABILITY.key) !== 0,
  };
}

export function isReference(type: Type): boolean {
  return type.kind === 'reference' || type.kind === 'mutable';
}
