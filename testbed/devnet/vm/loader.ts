import { Codec } from './bcs.ts';
import { parseBytecode } from './bytecode.ts';
import type { MoveFunction } from './function.ts';
import { LinkedModule } from './linked-module.ts';
import { abilitiesOf, PRIMITIVES, type Type, TypeTable } from './type.ts';
import { parseTypeName, type TypeSyntax } from './type-name.ts';
import { type Address, type ModuleId, type ModuleSource, type TypeName, VmError } from './types.ts';

/** Loads modules once each and resolves names to their types and functions. */
export class Loader {
  readonly types = new TypeTable();
  readonly codec = new Codec(this.types);
  readonly #source: ModuleSource;
  readonly #modules = new Map<string, LinkedModule | 'loading'>();
  readonly #typesByName = new Map<TypeName, Type>();

  constructor(source: ModuleSource) {
    this.#source = source;
  }

  /** @throws {VmError} `PublishError` if the module is missing, malformed or part of a cycle */
  module(id: ModuleId): LinkedModule {
    const key = `${id.address}::${id.name}`;
    const known = this.#modules.get(key);
    if (known === 'loading') throw new VmError('PublishError', `Cannot load ${key}: it depends on itself`);
    if (known) return known;
    const bytes = this.#source.module(id);
    if (!bytes) throw new VmError('PublishError', `Cannot load ${key}: module does not exist`);
    return this.#load(key, bytes);
  }

  /** @throws {VmError} `FunctionNotFound` */
  function(id: ModuleId, name: string): MoveFunction {
    const fn = this.#has(id) ? this.module(id).function(name) : undefined;
    if (fn) return fn;
    throw new VmError('FunctionNotFound', `Cannot find function ${id.address}::${id.name}::${name}`);
  }

  /** The type of that name. @throws {VmError} `TypeNotFound` or `TypeArgumentError` */
  type(name: TypeName): Type {
    let type = this.#typesByName.get(name);
    if (!type) {
      type = this.#resolve(parseTypeName(name));
      this.#typesByName.set(name, type);
    }
    return type;
  }

  /** The package that stands in the name of a type that `module` declares. */
  definingId(module: ModuleId, type: string): Address {
    return this.#source.definingId?.(module, type) ?? module.address;
  }

  /** Checks number and abilities of type arguments. @throws {VmError} `TypeArgumentError` */
  checkTypeArguments(what: string, constraints: readonly number[], args: readonly Type[]): void {
    if (args.length !== constraints.length) {
      const message = `Cannot use ${what}: ${args.length} type arguments, expected ${constraints.length}`;
      throw new VmError('TypeArgumentError', message, { index: Math.min(args.length, constraints.length) });
    }
    args.forEach((argument, index) => {
      const missing = constraints[index]! & ~abilitiesOf(argument);
      if (missing === 0) return;
      const message = `Cannot use ${what}: type argument ${argument.name} lacks a required ability`;
      throw new VmError('TypeArgumentError', message, { index });
    });
  }

  #load(key: string, bytes: Uint8Array): LinkedModule {
    this.#modules.set(key, 'loading');
    try {
      const module = new LinkedModule(this, parseBytecode(bytes));
      this.#modules.set(key, module);
      return module;
    } catch (error) {
      this.#modules.delete(key);
      throw error;
    }
  }

  #has(id: ModuleId): boolean {
    return this.#source.module(id) !== undefined;
  }

  #resolve(syntax: TypeSyntax): Type {
    if (syntax.kind === 'primitive') return PRIMITIVES[syntax.name];
    if (syntax.kind === 'vector') return this.types.vector(this.#resolve(syntax.element));
    const { module, name } = syntax;
    const path = `${module.address}::${module.name}::${name}`;
    const runtime = this.#source.runtimeId ? this.#source.runtimeId(module, name) : module;
    const datatype = runtime && this.#has(runtime) ? this.module(runtime).datatypes.get(name) : undefined;
    if (!datatype) throw new VmError('TypeNotFound', `Cannot find type ${path}`);
    const args = syntax.arguments.map((argument) => this.#resolve(argument));
    this.checkTypeArguments(
      path,
      datatype.parameters.map((parameter) => parameter.constraints),
      args,
    );
    return this.types.datatype(datatype, args);
  }
}
