import { assemble } from './assembler.ts';
import type { FunctionDefinition } from './bytecode.ts';
import type { LinkedModule } from './linked-module.ts';
import type { Step } from './machine.ts';
import type { Native } from './native.ts';
import { findNative } from './natives/table.ts';
import type { Type } from './type.ts';
import { type FunctionSignature, VmError } from './types.ts';

/** A function of a loaded module; its code is decoded at the first call. */
export class MoveFunction {
  readonly module: LinkedModule;
  readonly definition: FunctionDefinition;
  /** Index among the module's definitions, as a `MoveLocation` gives it. */
  readonly index: number;
  readonly name: string;
  /** Ability bits that each type parameter must have. */
  readonly constraints: readonly number[];
  readonly parameters: readonly Type[];
  readonly returns: readonly Type[];
  #code: readonly Step[] | undefined;

  constructor(module: LinkedModule, definition: FunctionDefinition, index: number) {
    const handle = module.bytecode.function_handles[definition.function]!;
    this.module = module;
    this.definition = definition;
    this.index = index;
    this.name = module.bytecode.identifiers[handle.name]!;
    this.constraints = handle.type_parameters;
    this.parameters = module.signature(handle.parameters);
    this.returns = module.signature(handle.return_);
  }

  get isNative(): boolean {
    return this.definition.code === undefined;
  }

  get isEntry(): boolean {
    return this.definition.is_entry;
  }

  get visibility(): FunctionSignature['visibility'] {
    return this.definition.visibility.toLowerCase() as FunctionSignature['visibility'];
  }

  /** @throws {VmError} `PublishError` if the bytecode is not well typed */
  get code(): readonly Step[] {
    this.#code ??= assemble(this);
    return this.#code;
  }

  /** @throws {VmError} `UnsupportedNative` */
  get native(): Native {
    const { address, name } = this.module.id;
    const native = findNative(`${address}::${name}::${this.name}`);
    if (native) return native;
    throw new VmError(
      'UnsupportedNative',
      `Cannot call ${address}::${name}::${this.name}: native not supported`,
    );
  }
}
