import { ABORTS } from '@daasvader/chain/aborts.ts';
import { type Bytecode, parseBytecode, type SignatureToken } from '@daasvader/testbed/devnet/vm/bytecode.ts';
import type { FunctionName } from './call-trace.ts';

const OWN = 0n;

/** A function of the contracts as its bytecode has it. */
export interface ContractFunction {
  name: FunctionName;
  /** Whether a transaction may call it: `entry` or `public`. */
  isCallable: boolean;
  /** Whether it is callable and may change an object of the contracts. */
  isChange: boolean;
  /** What it calls itself, of the contracts. */
  calls: FunctionName[];
  /** The errors that it aborts with itself: `module::EName`. */
  aborts: string[];
}

/** The functions of compiled contracts, by name. */
export function contractFunctions(modules: Uint8Array[]): Map<FunctionName, ContractFunction> {
  const functions = modules.flatMap((bytes) => functionsOf(parseBytecode(bytes)));
  return new Map(functions.map((fn) => [fn.name, fn]));
}

/** A function and everything of the contracts that it may call, directly or not. */
export function reachableFrom(
  functions: ReadonlyMap<FunctionName, ContractFunction>,
  start: FunctionName,
): ContractFunction[] {
  const reached = new Map<FunctionName, ContractFunction>();
  const visit = (name: FunctionName) => {
    const fn = functions.get(name);
    if (fn === undefined || reached.has(name)) return;
    reached.set(name, fn);
    fn.calls.forEach(visit);
  };
  visit(start);
  return [...reached.values()];
}

function functionsOf(module: Bytecode): ContractFunction[] {
  const self = module.identifiers[module.module_handles[module.self_module_handle_idx]!.name]!;
  return module.function_defs.map((definition) => {
    const code = definition.code?.code ?? [];
    const { name, parameters } = module.function_handles[definition.function]!;
    const isCallable = definition.is_entry || definition.visibility === 'Public';
    return {
      name: `${self}::${module.identifiers[name]}`,
      isCallable,
      isChange: isCallable && module.signatures[parameters]!.some((token) => isOwnMutable(module, token)),
      calls: code.flatMap((instruction) => calleeOf(module, instruction)),
      aborts: code.flatMap((instruction, at) =>
        instruction === 'Abort' ? [errorOf(module, self, code[at - 1]!)] : [],
      ),
    };
  });
}

/** Whether a parameter is a reference by which an object of the contracts may be changed. */
function isOwnMutable(module: Bytecode, token: SignatureToken): boolean {
  if (typeof token === 'string' || !('MutableReference' in token)) return false;
  const { MutableReference: inner } = token;
  if (typeof inner === 'string' || !('Datatype' in inner)) return false;
  const owner = module.module_handles[module.datatype_handles[inner.Datatype]!.module]!;
  return BigInt(`0x${module.address_identifiers[owner.address]}`) === OWN;
}

function calleeOf(module: Bytecode, instruction: unknown): FunctionName[] {
  const { Call, CallGeneric } = instruction as { Call?: number; CallGeneric?: number };
  const handle = CallGeneric === undefined ? Call : module.function_instantiations[CallGeneric]!.handle;
  if (handle === undefined) return [];
  const { module: owner, name } = module.function_handles[handle]!;
  const { address, name: ownerName } = module.module_handles[owner]!;
  if (BigInt(`0x${module.address_identifiers[address]}`) !== OWN) return [];
  return [`${module.identifiers[ownerName]}::${module.identifiers[name]}`];
}

/** The error whose code an instruction pushes before `Abort`. */
function errorOf(module: Bytecode, self: string, instruction: unknown): string {
  const { LdConst, LdU64 } = instruction as { LdConst?: number; LdU64?: bigint | number };
  const code = LdConst === undefined ? LdU64 : readU64(module, LdConst);
  const name = code === undefined ? undefined : ABORTS[self]?.[Number(code)];
  if (name === undefined)
    throw new TypeError(`Cannot tell the error of ${self}: ${JSON.stringify(instruction)} before Abort`);
  return `${self}::${name}`;
}

function readU64(module: Bytecode, constant: number): bigint {
  return Buffer.from(module.constant_pool[constant]!.data).readBigUInt64LE();
}
