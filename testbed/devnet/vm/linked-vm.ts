import { functionNamed, parseBytecode } from './bytecode.ts';
import type { Json } from './json.ts';
import { Linkage } from './linkage.ts';
import { checkPackage } from './publish.ts';
import { parseTypeName, type TypeSyntax } from './type-name.ts';
import {
  type Abilities,
  type Address,
  type Call,
  type CallResult,
  type FunctionSignature,
  type ModuleId,
  type ModuleSource,
  type MoveVm,
  type PackageSource,
  type Session,
  type TypeName,
  VmError,
  type VmErrorDetails,
} from './types.ts';
import { Vm } from './vm.ts';

/** How many combinations of package versions stay loaded; each has its own copy of all code that it runs. */
const MAX_LOADED = 16;
/** How many calls' linkages are remembered. */
const MAX_KNOWN = 10_000;

/**
 * A VM over packages in many versions. Each call runs in the linkage that its package was published with; calls that need
 * the same versions share one {@link Vm}. Modules are named by storage id here: by the version that is called.
 */
export class LinkedVm implements MoveVm {
  readonly #source: PackageSource;
  readonly #vms = new Map<string, Vm>();
  readonly #linkages = new Map<string, Linkage>();

  constructor(source: PackageSource) {
    this.#source = source;
  }

  signature(module: ModuleId, name: string, typeArguments: TypeName[]): FunctionSignature {
    const linkage = this.#linkageOf(module, name, typeArguments);
    const signature = this.#vm(linkage).signature(this.#runtimeId(module), name, typeArguments);
    return { ...signature, weight: { ...signature.weight, packages: linkage.size } };
  }

  abilities(type: TypeName): Abilities {
    return this.#vm(this.#linkageOfType(type)).abilities(type);
  }

  typeName(type: TypeName): TypeName {
    return this.#vm(this.#linkageOfType(type)).typeName(type);
  }

  json(type: TypeName, bcs: Uint8Array): Json {
    return this.#vm(this.#linkageOfType(type)).json(type, bcs);
  }

  abstractSize(type: TypeName, bcs: Uint8Array): number {
    return this.#vm(this.#linkageOfType(type)).abstractSize(type, bcs);
  }

  checkPure(type: TypeName, bcs: Uint8Array): number {
    return this.#vm(this.#linkageOfType(type)).checkPure(type, bcs);
  }

  call(session: Session, call: Call): CallResult {
    const linkage = this.#linkageOf(call.module, call.function, call.typeArguments);
    const runtime = { ...call, module: this.#runtimeId(call.module) };
    return located(linkage, () => this.#vm(linkage).call(session, runtime, call.module));
  }

  init(session: Session, module: ModuleId): void {
    const linkage = this.#linkageOf(module, 'init', []);
    located(linkage, () => this.#vm(linkage).init(session, this.#runtimeId(module), module));
  }

  checkPackage(modules: Uint8Array[], dependencies: Address[]): void {
    const linkage = new Linkage(this.#source);
    for (const id of dependencies) linkage.add(id, true);
    checkPackage(moduleSource(this.#source, linkage), modules);
  }

  /** As Sui: the called version exactly; versions that it was published with, or later ones if anybody may call it. */
  #linkageOf(module: ModuleId, name: string, typeArguments: TypeName[]): Linkage {
    return this.#known(`${module.address}::${module.name}::${name}<${typeArguments}>`, (linkage) => {
      const isPublic = this.#isPublic(module, name);
      linkage.addWithDependencies(module.address, true, !isPublic);
      for (const type of typeArguments) addType(linkage, parseTypeName(type));
    });
  }

  /** Read from the bytecode alone, since this decides what it links to. @throws {VmError} `FunctionNotFound` */
  #isPublic({ address, name: moduleName }: ModuleId, name: string): boolean {
    const bytes = this.#source.package(address)?.modules.get(moduleName);
    const found = bytes && functionNamed(parseBytecode(bytes), name);
    if (found) return found.visibility === 'Public';
    throw new VmError('FunctionNotFound', `Cannot find function ${address}::${moduleName}::${name}`);
  }

  #linkageOfType(type: TypeName): Linkage {
    return this.#known(type, (linkage) => addType(linkage, parseTypeName(type)));
  }

  #known(key: string, fill: (linkage: Linkage) => void): Linkage {
    let linkage = this.#linkages.get(key);
    if (!linkage) {
      linkage = new Linkage(this.#source);
      fill(linkage);
      if (this.#linkages.size >= MAX_KNOWN) this.#linkages.clear();
      this.#linkages.set(key, linkage);
    }
    return linkage;
  }

  #vm(linkage: Linkage): Vm {
    const { key } = linkage;
    const vm = this.#vms.get(key) ?? new Vm(moduleSource(this.#source, linkage));
    // The first in order is the one that was not used for longest; the one without upgrades is never let go.
    this.#vms.delete(key);
    this.#vms.set(key, vm);
    if (this.#vms.size > MAX_LOADED) this.#vms.delete([...this.#vms.keys()].find((other) => other !== '')!);
    return vm;
  }

  #runtimeId({ address, name }: ModuleId): ModuleId {
    const code = this.#source.package(address);
    return { address: code?.originalId ?? address, name };
  }
}

function addType(linkage: Linkage, type: TypeSyntax): void {
  if (type.kind === 'vector') addType(linkage, type.element);
  if (type.kind !== 'datatype') return;
  if (!linkage.has(type.module.address)) {
    const path = `${type.module.address}::${type.module.name}::${type.name}`;
    throw new VmError('TypeNotFound', `Cannot find type ${path}`);
  }
  linkage.addWithDependencies(type.module.address, false, false);
  for (const argument of type.arguments) addType(linkage, argument);
}

function moduleSource(source: PackageSource, linkage: Linkage): ModuleSource {
  const linked = ({ address }: ModuleId) => source.package(linkage.storageId(address));
  return {
    module: (id) => linked(id)?.modules.get(id.name),
    definingId: (module, type) => linked(module)?.origins.get(`${module.name}::${type}`) ?? module.address,
    runtimeId: ({ address, name }, type) => {
      const code = source.package(address);
      return code?.origins.has(`${name}::${type}`) ? { address: code.originalId, name } : undefined;
    },
  };
}

/** An abort is reported in the version that ran, any other fault by runtime id: so does Sui. */
function located<T>(linkage: Linkage, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof VmError) || error.code !== 'MoveAbort' || !error.location) throw error;
    const { module } = error.location;
    const address = linkage.storageId(module.address);
    throw new VmError(error.code, error.message, {
      ...error,
      location: { ...error.location, module: { ...module, address } },
    } as VmErrorDetails);
  }
}
