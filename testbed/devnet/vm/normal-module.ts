import type {
  Bytecode,
  FieldDefinition,
  FunctionDefinition,
  Instruction,
  SignatureToken,
} from './bytecode.ts';

/** A struct or enum by what it says, not where its parts stand in the module's tables. */
export interface NormalType {
  kind: 'struct' | 'enum';
  abilities: number;
  parameters: Bytecode['datatype_handles'][number]['type_parameters'];
  /** One list for a struct, one per variant for an enum; types as text. */
  variants: { name: string; fields: { name: string; type: string }[] }[];
}

/** A function, likewise; types and instructions are text. */
export interface NormalFunction {
  visibility: FunctionDefinition['visibility'];
  isEntry: boolean;
  constraints: number[];
  parameters: string;
  returns: string;
  /** Absent for a native function. */
  code?: { locals: string; instructions: string[] };
}

/** A module in a form in which two versions of it can be compared. */
export interface NormalModule {
  /** Of the bytecode format. */
  version: number;
  types: Map<string, NormalType>;
  functions: Map<string, NormalFunction>;
  friends: number;
}

/** Resolves all indexes into the module's tables, as Move's `normalized::Module` does. */
export function normalize(module: Bytecode): NormalModule {
  const names = new Names(module);
  return {
    version: module.version,
    types: new Map([...structs(module, names), ...enums(module, names)]),
    functions: new Map(
      module.function_defs.map((definition) => [
        names.identifier(module.function_handles[definition.function]!.name),
        normalFunction(module, names, definition),
      ]),
    ),
    friends: module.friend_decls.length,
  };
}

function structs(module: Bytecode, names: Names): [string, NormalType][] {
  return module.struct_defs.map(({ struct_handle, field_information: fields }) => {
    const declared = fields === 'Native' ? [] : fields.Declared;
    return type(module, names, struct_handle, 'struct', [{ name: '', fields: names.fields(declared) }]);
  });
}

function enums(module: Bytecode, names: Names): [string, NormalType][] {
  return module.enum_defs.map(({ enum_handle, variants }) => {
    const normal = variants.map(({ variant_name, fields }) => ({
      name: names.identifier(variant_name),
      fields: names.fields(fields),
    }));
    return type(module, names, enum_handle, 'enum', normal);
  });
}

function type(
  { datatype_handles }: Bytecode,
  names: Names,
  handle: number,
  kind: NormalType['kind'],
  variants: NormalType['variants'],
): [string, NormalType] {
  const { name, abilities, type_parameters: parameters } = datatype_handles[handle]!;
  return [names.identifier(name), { kind, abilities, parameters, variants }];
}

function normalFunction(module: Bytecode, names: Names, definition: FunctionDefinition): NormalFunction {
  const handle = module.function_handles[definition.function]!;
  const { visibility, is_entry: isEntry, code } = definition;
  return {
    visibility,
    isEntry,
    constraints: handle.type_parameters,
    parameters: names.signature(handle.parameters),
    returns: names.signature(handle.return_),
    ...(code && {
      code: {
        locals: names.signature(code.locals),
        instructions: code.code.map((instruction) => names.instruction(instruction, code.jump_tables)),
      },
    }),
  };
}

type JumpTables = NonNullable<FunctionDefinition['code']>['jump_tables'];

/** Spells what the tables of a module hold. */
class Names {
  readonly #module: Bytecode;

  constructor(module: Bytecode) {
    this.#module = module;
  }

  identifier(index: number): string {
    return this.#module.identifiers[index]!;
  }

  fields(definitions: FieldDefinition[]): { name: string; type: string }[] {
    return definitions.map(({ name, signature }) => ({
      name: this.identifier(name),
      type: this.type(signature),
    }));
  }

  signature(index: number): string {
    return this.#module.signatures[index]!.map((token) => this.type(token)).join();
  }

  type(token: SignatureToken): string {
    if (typeof token === 'string') return token;
    if ('Vector' in token) return `vector<${this.type(token.Vector)}>`;
    if ('Reference' in token) return `&${this.type(token.Reference)}`;
    if ('MutableReference' in token) return `&mut ${this.type(token.MutableReference)}`;
    if ('TypeParameter' in token) return `$${token.TypeParameter}`;
    if ('Datatype' in token) return this.#datatype(token.Datatype);
    const [handle, args] = token.DatatypeInstantiation;
    return `${this.#datatype(handle)}<${args.map((argument) => this.type(argument))}>`;
  }

  /** Operands that are no index, such as numbers, locals and branch targets, stay as they are. */
  instruction(instruction: Instruction, tables: JumpTables): string {
    if (typeof instruction === 'string') return instruction;
    const [[name, operand]] = Object.entries(instruction) as [[string, number]];
    const spell = Object.hasOwn(OPERANDS, name) ? OPERANDS[name] : undefined;
    if (name === 'VariantSwitch') return `${name} ${this.#jumpTable(tables[operand]!)}`;
    return `${name} ${spell ? spell(this, this.#module, operand) : operand}`;
  }

  member(module: number, name: number): string {
    const { address, name: moduleName } = this.#module.module_handles[module]!;
    return `${this.#module.address_identifiers[address]}::${this.identifier(moduleName)}::${this.identifier(name)}`;
  }

  struct(definition: number): string {
    return this.#datatype(this.#module.struct_defs[definition]!.struct_handle);
  }

  field(handle: number): string {
    const { owner, field } = this.#module.field_handles[handle]!;
    return `${this.struct(owner)}.${field}`;
  }

  function(handle: number): string {
    const { module, name } = this.#module.function_handles[handle]!;
    return this.member(module, name);
  }

  enum(definition: number): string {
    return this.#datatype(this.#module.enum_defs[definition]!.enum_handle);
  }

  #jumpTable({ head_enum, jump_table }: JumpTables[number]): string {
    return `${this.enum(head_enum)} ${jump_table.Full}`;
  }

  #datatype(handle: number): string {
    const { module, name } = this.#module.datatype_handles[handle]!;
    return this.member(module, name);
  }
}

type Spelling = (names: Names, module: Bytecode, operand: number) => string;

const struct: Spelling = (names, _, definition) => names.struct(definition);
const genericStruct: Spelling = (names, module, index) => {
  const { def, type_parameters } = module.struct_def_instantiations[index]!;
  return `${names.struct(def)}<${names.signature(type_parameters)}>`;
};
const field: Spelling = (names, _, handle) => names.field(handle);
const genericField: Spelling = (names, module, index) => {
  const { handle, type_parameters } = module.field_instantiations[index]!;
  return `${names.field(handle)}<${names.signature(type_parameters)}>`;
};
const variant: Spelling = (names, module, handle) => {
  const { enum_def, variant: tag } = module.variant_handles[handle]!;
  return `${names.enum(enum_def)}.${tag}`;
};
const genericVariant: Spelling = (names, module, index) => {
  const { enum_def, variant: tag } = module.variant_instantiation_handles[index]!;
  const { def, type_parameters } = module.enum_def_instantiations[enum_def]!;
  return `${names.enum(def)}<${names.signature(type_parameters)}>.${tag}`;
};
const element: Spelling = (names, _, signature) => names.signature(signature);
const counted = (names: Names, _: Bytecode, [signature, count]: [number, bigint]) =>
  `${names.signature(signature)} ${count}`;

/** Instructions whose operand indexes a table. */
const OPERANDS: Record<string, Spelling> = {
  LdConst: (names, module, index) => {
    const { type_, data } = module.constant_pool[index]!;
    return `${names.type(type_)} ${Buffer.from(data).toString('hex')}`;
  },
  Call: (names, _, handle) => names.function(handle),
  CallGeneric: (names, module, index) => {
    const { handle, type_parameters } = module.function_instantiations[index]!;
    return `${names.function(handle)}<${names.signature(type_parameters)}>`;
  },
  Pack: struct,
  Unpack: struct,
  PackGeneric: genericStruct,
  UnpackGeneric: genericStruct,
  ImmBorrowField: field,
  MutBorrowField: field,
  ImmBorrowFieldGeneric: genericField,
  MutBorrowFieldGeneric: genericField,
  PackVariant: variant,
  UnpackVariant: variant,
  UnpackVariantImmRef: variant,
  UnpackVariantMutRef: variant,
  PackVariantGeneric: genericVariant,
  UnpackVariantGeneric: genericVariant,
  UnpackVariantGenericImmRef: genericVariant,
  UnpackVariantGenericMutRef: genericVariant,
  VecPack: counted as never,
  VecUnpack: counted as never,
  VecLen: element,
  VecImmBorrow: element,
  VecMutBorrow: element,
  VecPushBack: element,
  VecPopBack: element,
  VecSwap: element,
};
