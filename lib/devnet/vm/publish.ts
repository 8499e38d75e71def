import { parseBytecode } from './bytecode.ts';
import type { LinkedModule } from './linked-module.ts';
import { Loader } from './loader.ts';
import { isOneTimeWitness } from './one-time-witness.ts';
import { ABILITY, isReference } from './type.ts';
import { type Address, type ModuleId, type ModuleSource, type ModuleSummary, VmError } from './types.ts';
import { FRAMEWORK_ADDRESS, pathOf, STANDARD_LIBRARY_ADDRESS, TYPE_PATH } from './well-known.ts';

const SYSTEM_ADDRESSES: readonly Address[] = [STANDARD_LIBRARY_ADDRESS, FRAMEWORK_ADDRESS];

/**
 * Checks a package before it is published: it parses, links, every function is well typed, objects have ids, `init` has
 * its shape, natives are the framework's. Of Sui's verifier, reference safety and the rules for private generics are not
 * checked: they are the compiler's word.
 *
 * @throws {VmError} `PublishError`
 */
export function checkPackage(source: ModuleSource, modules: Uint8Array[]): ModuleSummary[] {
  const byId = new Map(modules.map((bytes) => [pathOfModule(selfId(bytes)), bytes]));
  if (byId.size !== modules.length)
    throw new VmError('PublishError', 'Cannot publish: two modules share a name');
  const loader = new Loader({ module: (id) => byId.get(pathOfModule(id)) ?? source.module(id) });
  const loaded = modules.map((bytes) => loader.module(selfId(bytes)));
  if (new Set(loaded.map((module) => module.id.address)).size > 1) {
    throw new VmError('PublishError', 'Cannot publish: modules of more than one package');
  }
  for (const module of loaded) checkModule(module);
  return loaded.map(summarize);
}

function checkModule(module: LinkedModule): void {
  checkObjects(module);
  checkInit(module);
  for (const fn of module.functions) {
    if (!fn.isNative) void fn.code;
    else if (!SYSTEM_ADDRESSES.includes(module.id.address)) {
      throw module.linkError(`${fn.name} is native, which only the framework may declare`);
    }
  }
}

/** Natives read an object's id from its first field. */
function checkObjects(module: LinkedModule): void {
  for (const datatype of module.datatypes.values()) {
    if ((datatype.abilities & ABILITY.key) === 0) continue;
    const first = datatype.fields?.[0];
    if (first?.name !== 'id' || pathOf(first.type) !== TYPE_PATH.uid) {
      throw module.linkError(`object ${datatype.name} does not begin with id: UID`);
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
  if (!isValid) throw module.linkError('init must be private and take an optional witness and the TxContext');
}

function summarize(module: LinkedModule): ModuleSummary {
  const addresses = module.bytecode.module_handles.map((_, index) => module.moduleId(index).address);
  return {
    id: module.id,
    dependencies: [...new Set(addresses)].filter((address) => address !== module.id.address),
    hasInit: module.function('init') !== undefined,
  };
}

function selfId(bytes: Uint8Array): ModuleId {
  const { module_handles, self_module_handle_idx, address_identifiers, identifiers } = parseBytecode(bytes);
  const { address, name } = module_handles[self_module_handle_idx]!;
  return { address: `0x${address_identifiers[address]}`, name: identifiers[name]! };
}

function pathOfModule({ address, name }: ModuleId): string {
  return `${address}::${name}`;
}
