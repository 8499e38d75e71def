import { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';

const { Ability, FunctionDescriptor_Visibility: Visibility, OpenSignature_Reference: Reference } = GrpcTypes;
const { OpenSignatureBody_Type: BodyType, DatatypeDescriptor_DatatypeKind: Kind } = GrpcTypes;

/** A type as the bytecode library prints it. */
type Token =
  | string
  | { Vector: Token }
  | { Datatype: number }
  | { DatatypeInstantiation: [number, Token[]] }
  | { TypeParameter: number }
  | { Reference: Token }
  | { MutableReference: Token };

interface RawField {
  name: number;
  signature: Token;
}

interface TypeParameter {
  constraints: unknown;
  is_phantom: boolean;
}

/** A module as the bytecode library prints it. */
export interface RawModule {
  identifiers: string[];
  address_identifiers: string[];
  module_handles: { address: number; name: number }[];
  datatype_handles: { module: number; name: number; abilities: unknown; type_parameters: TypeParameter[] }[];
  struct_defs: { struct_handle: number; field_information: 'Native' | { Declared: RawField[] } }[];
  enum_defs: { enum_handle: number; variants: { variant_name: number; fields: RawField[] }[] }[];
  function_handles: { name: number; parameters: number; return_: number; type_parameters: unknown[] }[];
  function_defs: { function: number; visibility: string; is_entry: boolean }[];
  signatures: Token[][];
}

/** A module of one package version. */
export interface LinkedModule extends RawModule {
  /** @returns the package version that first had a type, as this version links it */
  definingId(originalId: string, module: string, type: string): string;
}

/** @returns a function's signature, undefined when the module has none of that name */
export function describeFunction(
  module: LinkedModule,
  name: string,
): GrpcTypes.FunctionDescriptor | undefined {
  const definition = module.function_defs.find(
    (candidate) => module.identifiers[module.function_handles[candidate.function]!.name] === name,
  );
  if (definition === undefined) return undefined;
  const handle = module.function_handles[definition.function]!;
  const signature = (index: number) => module.signatures[index]!.map((token) => openSignature(module, token));
  return {
    name,
    visibility: visibility(definition.visibility),
    isEntry: definition.is_entry,
    typeParameters: handle.type_parameters.map((constraints) => ({ constraints: abilities(constraints) })),
    parameters: signature(handle.parameters),
    returns: signature(handle.return_),
  };
}

function visibility(name: string): number {
  if (name === 'Public') return Visibility.PUBLIC;
  return name === 'Friend' ? Visibility.FRIEND : Visibility.PRIVATE;
}

/** The library prints a set of abilities as its bits: copy 1, drop 2, store 4, key 8. */
function abilities(constraints: unknown): number[] {
  const bits =
    typeof constraints === 'number' ? constraints : ((constraints as { [index: number]: number })[0] ?? 0);
  const all = [Ability.COPY, Ability.DROP, Ability.STORE, Ability.KEY];
  return all.filter((_, index) => bits & (1 << index));
}

function openSignature(module: LinkedModule, token: Token): GrpcTypes.OpenSignature {
  if (typeof token === 'object' && 'Reference' in token) {
    return { reference: Reference.IMMUTABLE, body: body(module, token.Reference) };
  }
  if (typeof token === 'object' && 'MutableReference' in token) {
    return { reference: Reference.MUTABLE, body: body(module, token.MutableReference) };
  }
  return { body: body(module, token) };
}

function body(module: LinkedModule, token: Token): GrpcTypes.OpenSignatureBody {
  if (typeof token === 'string') {
    return { type: BodyType[token.toUpperCase() as keyof typeof BodyType], typeParameterInstantiation: [] };
  }
  if ('Vector' in token)
    return { type: BodyType.VECTOR, typeParameterInstantiation: [body(module, token.Vector)] };
  if ('TypeParameter' in token) {
    return {
      type: BodyType.TYPE_PARAMETER,
      typeParameter: token.TypeParameter,
      typeParameterInstantiation: [],
    };
  }
  if ('Datatype' in token) return datatype(module, token.Datatype, []);
  if ('DatatypeInstantiation' in token) return datatype(module, ...token.DatatypeInstantiation);
  throw new TypeError('Cannot describe a reference inside a type');
}

function datatype(module: LinkedModule, index: number, parameters: Token[]): GrpcTypes.OpenSignatureBody {
  const handle = module.datatype_handles[index]!;
  const owner = module.module_handles[handle.module]!;
  const originalId = normalizeSuiAddress(module.address_identifiers[owner.address]!);
  const [moduleName, name] = [module.identifiers[owner.name]!, module.identifiers[handle.name]!];
  return {
    type: BodyType.DATATYPE,
    typeName: `${module.definingId(originalId, moduleName, name)}::${moduleName}::${name}`,
    typeParameterInstantiation: parameters.map((parameter) => body(module, parameter)),
  };
}

/** @returns everything that a module declares */
export function describeModule(module: LinkedModule): Pick<GrpcTypes.Module, 'datatypes' | 'functions'> {
  const types = [
    ...module.struct_defs.map(({ struct_handle: handle }) => handle),
    ...module.enum_defs.map(({ enum_handle: handle }) => handle),
  ].map((handle) => module.identifiers[module.datatype_handles[handle]!.name]!);
  const functions = module.function_defs.map(
    ({ function: handle }) => module.identifiers[module.function_handles[handle]!.name]!,
  );
  return {
    datatypes: types.map((name) => describeDatatype(module, name)!),
    functions: functions.map((name) => describeFunction(module, name)!),
  };
}

/** @returns a struct or enum with its fields, undefined when the module has none of that name */
export function describeDatatype(
  module: LinkedModule,
  name: string,
): GrpcTypes.DatatypeDescriptor | undefined {
  const isNamed = (index: number) => module.identifiers[module.datatype_handles[index]!.name] === name;
  const struct = module.struct_defs.find(({ struct_handle: handle }) => isNamed(handle));
  if (struct !== undefined) {
    const declared = struct.field_information === 'Native' ? [] : struct.field_information.Declared;
    const fields = describeFields(module, declared);
    return { ...header(module, struct.struct_handle), kind: Kind.STRUCT, fields, variants: [] };
  }
  const found = module.enum_defs.find(({ enum_handle: handle }) => isNamed(handle));
  if (found === undefined) return undefined;
  const variants = found.variants.map(({ variant_name: variant, fields }, position) => ({
    name: module.identifiers[variant]!,
    position,
    fields: describeFields(module, fields),
  }));
  return { ...header(module, found.enum_handle), kind: Kind.ENUM, fields: [], variants };
}

function header(module: LinkedModule, index: number) {
  const handle = module.datatype_handles[index]!;
  const typeName = datatype(module, index, []).typeName!;
  const [definingId, moduleName, name] = typeName.split('::');
  return {
    typeName,
    definingId: definingId!,
    module: moduleName!,
    name: name!,
    abilities: abilities(handle.abilities),
    typeParameters: handle.type_parameters.map(({ constraints, is_phantom: isPhantom }) => ({
      constraints: abilities(constraints),
      isPhantom,
    })),
  };
}

function describeFields(module: LinkedModule, fields: RawField[]): GrpcTypes.FieldDescriptor[] {
  return fields.map(({ name, signature }, position) => ({
    name: module.identifiers[name]!,
    position,
    type: body(module, signature),
  }));
}
