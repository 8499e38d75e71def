import type { Bytecode, FieldDefinition, SignatureToken } from './bytecode.ts';
import { MoveFunction } from './function.ts';
import type { Loader } from './loader.ts';
import { type Datatype, type Field, PRIMITIVES, type Type } from './type.ts';
import { type ModuleId, VmError } from './types.ts';

/** A module whose types and functions refer to those of the modules that it links to. */
export class LinkedModule {
  readonly bytecode: Bytecode;
  readonly loader: Loader;
  readonly id: ModuleId;
  readonly datatypes = new Map<string, Datatype>();
  readonly functions: readonly MoveFunction[];
  readonly #functionsByName = new Map<string, MoveFunction>();

  constructor(loader: Loader, bytecode: Bytecode) {
    this.loader = loader;
    this.bytecode = bytecode;
    this.id = this.moduleId(bytecode.self_module_handle_idx);
    this.#declareDatatypes();
    this.#defineFields();
    this.functions = bytecode.function_defs.map(
      (definition, index) => new MoveFunction(this, definition, index),
    );
    for (const fn of this.functions) this.#functionsByName.set(fn.name, fn);
  }

  /** Module ids in the order of the module handles. */
  moduleId(handle: number): ModuleId {
    const { address, name } = this.bytecode.module_handles[handle]!;
    return {
      address: `0x${this.bytecode.address_identifiers[address]}`,
      name: this.bytecode.identifiers[name]!,
    };
  }

  /** @returns undefined if the module has no such function */
  function(name: string): MoveFunction | undefined {
    return this.#functionsByName.get(name);
  }

  /** The function behind a handle, own or imported. @throws {VmError} `PublishError` */
  functionOf(handleIndex: number): MoveFunction {
    const handle = this.bytecode.function_handles[handleIndex]!;
    const name = this.bytecode.identifiers[handle.name]!;
    const owner = this.#ownerOf(handle.module);
    const fn = owner.function(name);
    if (!fn) throw this.linkError(`${owner.id.address}::${owner.id.name}::${name} does not exist`);
    return fn;
  }

  /** The types of a signature. */
  signature(index: number): Type[] {
    return this.bytecode.signatures[index]!.map((token) => this.type(token));
  }

  type(token: SignatureToken): Type {
    const { types } = this.loader;
    if (typeof token === 'string') return PRIMITIVES[token.toLowerCase() as keyof typeof PRIMITIVES];
    if ('Vector' in token) return types.vector(this.type(token.Vector));
    if ('Reference' in token) return types.reference(this.type(token.Reference));
    if ('MutableReference' in token) return types.mutable(this.type(token.MutableReference));
    if ('TypeParameter' in token) return types.parameter(token.TypeParameter);
    if ('Datatype' in token) return types.datatype(this.datatypeOf(token.Datatype), []);
    const [handle, args] = token.DatatypeInstantiation;
    return types.datatype(
      this.datatypeOf(handle),
      args.map((argument) => this.type(argument)),
    );
  }

  /** The datatype behind a handle, own or imported. @throws {VmError} `PublishError` */
  datatypeOf(handleIndex: number): Datatype {
    const handle = this.bytecode.datatype_handles[handleIndex]!;
    const name = this.bytecode.identifiers[handle.name]!;
    const owner = this.#ownerOf(handle.module);
    const datatype = owner.datatypes.get(name);
    if (!datatype) throw this.linkError(`${owner.id.address}::${owner.id.name}::${name} does not exist`);
    // That types are given as many arguments as the handle says is checked already.
    if (datatype.parameters.length !== handle.type_parameters.length)
      throw this.linkError(`${name} has ${datatype.parameters.length} type parameters`);
    return datatype;
  }

  linkError(reason: string): VmError {
    return new VmError('PublishError', `Cannot link ${this.id.address}::${this.id.name}: ${reason}`);
  }

  #ownerOf(moduleHandle: number): LinkedModule {
    if (moduleHandle === this.bytecode.self_module_handle_idx) return this;
    return this.loader.module(this.moduleId(moduleHandle));
  }

  #declareDatatypes(): void {
    const { struct_defs, enum_defs, datatype_handles, identifiers } = this.bytecode;
    const handles = [
      ...struct_defs.map((def) => def.struct_handle),
      ...enum_defs.map((def) => def.enum_handle),
    ];
    for (const index of handles) {
      const { name: nameIndex, abilities, type_parameters: parameters } = datatype_handles[index]!;
      const name = identifiers[nameIndex]!;
      const definingId = this.loader.definingId(this.id, name);
      this.datatypes.set(name, { module: this.id, definingId, name, abilities, parameters });
    }
  }

  /** Fields come after all declarations, since they may mention each other's types. */
  #defineFields(): void {
    const { struct_defs, enum_defs, identifiers } = this.bytecode;
    for (const { struct_handle, field_information } of struct_defs) {
      if (field_information === 'Native') throw this.linkError('native structs are not supported');
      this.datatypeOf(struct_handle).fields = this.#fields(field_information.Declared);
    }
    for (const { enum_handle, variants } of enum_defs) {
      this.datatypeOf(enum_handle).variants = variants.map(({ variant_name, fields }) => ({
        name: identifiers[variant_name]!,
        fields: this.#fields(fields),
      }));
    }
  }

  #fields(definitions: FieldDefinition[]): Field[] {
    return definitions.map(({ name, signature }) => ({
      name: this.bytecode.identifiers[name]!,
      type: this.type(signature),
    }));
  }
}
