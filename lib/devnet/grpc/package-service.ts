import { deserialize } from '@mysten/move-bytecode-template';
import { GrpcTypes } from '@mysten/sui/grpc';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import type { Chain } from '../chain.ts';
import { DevnetError } from '../error.ts';
import { Mask } from './mask.ts';
import { objectMessage } from './object-message.ts';

const { Ability, FunctionDescriptor_Visibility: Visibility, OpenSignature_Reference: Reference } = GrpcTypes;
const { OpenSignatureBody_Type: BodyType } = GrpcTypes;

/** A type as the bytecode library prints it. */
type Token =
  | string
  | { Vector: Token }
  | { Datatype: number }
  | { DatatypeInstantiation: [number, Token[]] }
  | { TypeParameter: number }
  | { Reference: Token }
  | { MutableReference: Token };

interface RawModule {
  identifiers: string[];
  address_identifiers: string[];
  module_handles: { address: number; name: number }[];
  datatype_handles: { module: number; name: number }[];
  function_handles: { name: number; parameters: number; return_: number; type_parameters: unknown[] }[];
  function_defs: { function: number; visibility: string; is_entry: boolean }[];
  signatures: Token[][];
}

/** `sui.rpc.v2.MovePackageService`: what the SDK asks to give plain arguments their types. */
export function packageService(chain: Chain) {
  return {
    getPackage({ packageId }: GrpcTypes.GetPackageRequest): GrpcTypes.GetPackageResponse {
      const object = findPackage(chain, packageId);
      const { package: found } = objectMessage(object, Mask.of({ paths: ['package'] }, ''));
      return found === undefined ? {} : { package: found };
    },

    getFunction({
      packageId,
      moduleName,
      name,
    }: GrpcTypes.GetFunctionRequest): GrpcTypes.GetFunctionResponse {
      const { data } = findPackage(chain, packageId);
      const code = data.kind === 'package' ? data.modules.get(moduleName ?? '') : undefined;
      const found = code && describe(deserialize(code) as RawModule, name ?? '');
      if (!found)
        throw new DevnetError('NOT_FOUND', `Function ${packageId}::${moduleName}::${name} not found`);
      return { function: found };
    },
  };
}

function findPackage({ store }: Chain, packageId: string | undefined) {
  const object = store.object(normalizeSuiAddress(packageId ?? ''));
  if (object?.data.kind !== 'package') throw new DevnetError('NOT_FOUND', `Package ${packageId} not found`);
  return object;
}

function describe(module: RawModule, name: string): GrpcTypes.FunctionDescriptor | undefined {
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

function openSignature(module: RawModule, token: Token): GrpcTypes.OpenSignature {
  if (typeof token === 'object' && 'Reference' in token) {
    return { reference: Reference.IMMUTABLE, body: body(module, token.Reference) };
  }
  if (typeof token === 'object' && 'MutableReference' in token) {
    return { reference: Reference.MUTABLE, body: body(module, token.MutableReference) };
  }
  return { body: body(module, token) };
}

function body(module: RawModule, token: Token): GrpcTypes.OpenSignatureBody {
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

function datatype(module: RawModule, index: number, parameters: Token[]): GrpcTypes.OpenSignatureBody {
  const handle = module.datatype_handles[index]!;
  const owner = module.module_handles[handle.module]!;
  const address = normalizeSuiAddress(module.address_identifiers[owner.address]!);
  return {
    type: BodyType.DATATYPE,
    typeName: `${address}::${module.identifiers[owner.name]}::${module.identifiers[handle.name]}`,
    typeParameterInstantiation: parameters.map((parameter) => body(module, parameter)),
  };
}
