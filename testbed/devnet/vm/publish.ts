import { type Bytecode, functionNamed, parseBytecode } from './bytecode.ts';
import type { LinkedModule } from './linked-module.ts';
import { Loader } from './loader.ts';
import { isOneTimeWitness } from './one-time-witness.ts';
import { ABILITY, isReference } from './type.ts';
import { type Address, type ModuleId, type ModuleSource, type ModuleSummary, VmError } from './types.ts';
import { FRAMEWORK_ADDRESS, pathOf, STANDARD_LIBRARY_ADDRESS, TYPE_PATH } from './well-known.ts';

/** Functions for types of the calling module alone. */
const PRIVATE_GENERICS = new Set(
  [
    'transfer::transfer',
    'transfer::share_object',
    'transfer::freeze_object',
    'transfer::receive',
    'event::emit',
  ].map((path) => `${FRAMEWORK_ADDRESS}::${path}`),
);

const SYSTEM_ADDRESSES: readonly Address[] = [STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS];

/**
 * Checks a package before it is published: it parses, links, every function is well typed, objects have ids, `init` has
 * its shape, natives are the framework's, private generics are called with own types. Of the verifiers, reference safety
 * and leaks of ids are not checked: they are the compiler's word.
 *
 * @throws {VmError} `PublishError` by Move's rules, `SuiMoveVerificationError` by Sui's
 */
export function checkPackage(source: ModuleSource, modules: Uint8Array[]): void {
  const ids = modules.map((bytes) => idOf(parseBytecode(bytes)));
  const byId = new Map(ids.map((id, index) => [pathOfModule(id), modules[index]!]));
  if (byId.size !== modules.length)
    throw new VmError('PublishError', 'Cannot publish: two modules share a name');
  if (new Set(ids.map(({ address }) => address)).size > 1) {
    throw new VmError('PublishError', 'Cannot publish: modules of more than one package');
  }
  const loader = new Loader({ ...source, module: (id) => byId.get(pathOfModule(id)) ?? source.module(id) });
  const loaded = ids.map((id) => loader.module(id));
  for (const module of loaded) checkCode(module);
  for (const module of loaded) checkSuiRules(module);
}

/** Move's verifier, as far as it is here. */
function checkCode(module: LinkedModule): void {
  for (const fn of module.functions) {
    if (!fn.isNative) void fn.code;
    else if (!SYSTEM_ADDRESSES.includes(module.id.address)) {
      throw module.linkError(`${fn.name} is native, which only the framework may declare`);
    }
  }
}

/** Sui's own verifier, as far as it is here. */
function checkSuiRules(module: LinkedModule): void {
  checkObjects(module);
  checkInit(module);
  checkPrivateGenerics(module);
}

/** Only the module that defines a type may emit, transfer, share, freeze or receive it by functions that ask for no more. */
function checkPrivateGenerics(module: LinkedModule): void {
  for (const instruction of module.functions.flatMap(({ definition }) => definition.code?.code ?? [])) {
    if (typeof instruction === 'string' || !('CallGeneric' in instruction)) continue;
    const index = instruction.CallGeneric as number;
    const { handle, type_parameters } = module.bytecode.function_instantiations[index]!;
    const { module: owner, name } = module.functionOf(handle);
    if (!PRIVATE_GENERICS.has(`${pathOfModule(owner.id)}::${name}`)) continue;
    const foreign = module.signature(type_parameters).find(({ datatype }) => datatype?.module !== module.id);
    if (foreign)
      throw ruleError(module, `${owner.id.name}::${name} is called with ${foreign.name}, defined elsewhere`);
  }
}

function ruleError({ id }: LinkedModule, reason: string): VmError {
  return new VmError('SuiMoveVerificationError', `Cannot publish ${id.address}::${id.name}: ${reason}`);
}

/** Natives read an object's id from its first field. */
function checkObjects(module: LinkedModule): void {
  for (const datatype of module.datatypes.values()) {
    if ((datatype.abilities & ABILITY.key) === 0) continue;
    const first = datatype.fields?.[0];
    if (first?.name !== 'id' || pathOf(first.type) !== TYPE_PATH.uid) {
      throw ruleError(module, `object ${datatype.name} does not begin with id: UID`);
    }
  }
}

/** `fun init(ctx)` or `fun init(witness, ctx)`, private, returning nothing. */
function checkInit(module: LinkedModule): void {
  const init = module.function('init');
  if (!init) return;
  const context = init.parameters.at(-1);
  const witness = init.parameters.slice(0, -1);
  const isValid =
    init.visibility === 'private' &&
    !init.isEntry &&
    init.constraints.length === 0 &&
    init.returns.length === 0 &&
    context !== undefined &&
    isReference(context) &&
    pathOf(context.arguments[0]!) === TYPE_PATH.txContext &&
    witness.length <= 1 &&
    witness.every((type) => isOneTimeWitness(type) && type.datatype!.module.name === module.id.name);
  if (!isValid)
    throw ruleError(module, 'init must be private and take an optional witness and the TxContext');
}

/** Reads what a module says of itself, unchecked. @throws {VmError} `PublishError` if the bytes are no module */
export function summarizeModule(bytes: Uint8Array): ModuleSummary {
  const module = parseBytecode(bytes);
  const { module_handles, address_identifiers } = module;
  const id = idOf(module);
  const addresses = module_handles.map(({ address }) => `0x${address_identifiers[address]}`);
  return {
    id,
    dependencies: [...new Set(addresses)].filter((address) => address !== id.address),
    hasInit: functionNamed(module, 'init') !== undefined,
  };
}

function idOf({
  module_handles,
  self_module_handle_idx,
  address_identifiers,
  identifiers,
}: Bytecode): ModuleId {
  const { address, name } = module_handles[self_module_handle_idx]!;
  return { address: `0x${address_identifiers[address]}`, name: identifiers[name]! };
}

function pathOfModule({ address, name }: ModuleId): string {
  return `${address}::${name}`;
}
