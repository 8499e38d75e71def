import { BcsError } from './bcs.ts';
import type { MoveFunction } from './function.ts';
import { REFERENCE, sizerOf, typeNodes } from './gas/size.ts';
import { type Json, toJson } from './json.ts';
import { Loader } from './loader.ts';
import { Machine } from './machine.ts';
import { isOneTimeWitness } from './one-time-witness.ts';
import { isPureValue } from './pure.ts';
import type { TransactionSession } from './session.ts';
import { abilitiesOf, abilityFlags, isReference, type Type } from './type.ts';
import {
  type Abilities,
  type Call,
  type CallResult,
  type FunctionSignature,
  type ModuleId,
  type ModuleSource,
  type Session,
  type TypeName,
  VmError,
} from './types.ts';
import { Reference, type Value } from './value.ts';
import { pathOf, TYPE_PATH } from './well-known.ts';

/** One version of each package: bytecode that is loaded, linked and decoded once. Modules are named by runtime id. */
export class Vm {
  readonly #loader: Loader;
  /** One list per combination of type arguments, so that instantiations can be cached by identity. */
  readonly #typeArguments = new Map<string, readonly Type[]>();

  constructor(source: ModuleSource) {
    this.#loader = new Loader(source);
  }

  signature(module: ModuleId, name: string, typeArguments: TypeName[]): FunctionSignature {
    const fn = this.#loader.function(module, name);
    const args = this.#resolve(fn, typeArguments);
    const instantiate = (type: Type) => this.#loader.types.substitute(type, args);
    return {
      visibility: fn.visibility,
      isEntry: fn.isEntry,
      parameters: passedParameters(fn).map(instantiate).map(toParameter),
      returns: fn.returns.map(instantiate).map(describe),
      weight: weightOf(fn, args, instantiate),
    };
  }

  /** As {@link MoveVm.typeName}. */
  typeName(type: TypeName): TypeName {
    return this.#loader.type(type).name;
  }

  abilities(type: TypeName): Abilities {
    return abilityFlags(abilitiesOf(this.#loader.type(type)));
  }

  /** As {@link MoveVm.json}. */
  json(name: TypeName, bcs: Uint8Array): Json {
    const type = this.#loader.type(name);
    return toJson(this.#loader.codec, type, this.#decode(type, bcs, 'InvalidArgument'));
  }

  /** As {@link MoveVm.abstractSize}. */
  abstractSize(name: TypeName, bcs: Uint8Array): number {
    const type = this.#loader.type(name);
    return sizerOf(this.#loader.codec, type)(this.#decode(type, bcs, 'InvalidArgument'));
  }

  /** As {@link MoveVm.checkPure}. */
  checkPure(name: TypeName, bcs: Uint8Array): number {
    const type = this.#loader.type(name);
    const value = this.#decode(type, bcs, 'InvalidPureArgument');
    if (isPureValue(type, value)) return sizerOf(this.#loader.codec, type)(value);
    throw new VmError('InvalidPureArgument', `Cannot pass ${name} as a pure argument`);
  }

  /** @param calledAs - the module as the transaction names it, for events */
  call(
    session: Session,
    { module, function: name, typeArguments, arguments: args }: Call,
    calledAs = module,
  ): CallResult {
    const fn = this.#loader.function(module, name);
    const types = this.#resolve(fn, typeArguments);
    const parameters = passedParameters(fn).map((type) => this.#loader.types.substitute(type, types));
    if (args.length !== parameters.length) {
      const message = `Cannot call ${name}: ${args.length} arguments, expected ${parameters.length}`;
      throw new VmError('ArityMismatch', message);
    }
    const values = parameters.map((type, index) =>
      this.#decode(target(type), args[index]!, 'InvalidArgument', index),
    );
    (session as TransactionSession).calledModule = calledAs;
    // Moved or borrowed, an argument weighs as much as a reference; a `TxContext` is one more.
    const passed = fn.parameters.length;
    session.meter.charge(passed, passed, 0, passed * REFERENCE);
    const returned = this.#run(session as TransactionSession, fn, types, values);
    session.meter.charge(1, 0, passed + returned.length, 0);
    return {
      returns: returned.map((value, index) => {
        const type = this.#loader.types.substitute(fn.returns[index]!, types);
        return { type: type.name, bcs: this.#loader.codec.encode(type, value) };
      }),
      mutated: parameters.flatMap((type, argument) =>
        type.kind === 'mutable'
          ? [{ argument, bcs: this.#loader.codec.encode(target(type), values[argument]!) }]
          : [],
      ),
    };
  }

  /** @param calledAs - as in {@link call} */
  init(session: Session, module: ModuleId, calledAs = module): void {
    const fn = this.#loader.module(module).function('init');
    if (!fn) return;
    const witness = passedParameters(fn);
    if (!witness.every(isOneTimeWitness)) {
      throw new VmError(
        'PublishError',
        `Cannot run init of ${module.name}: its parameters are not those of init`,
      );
    }
    (session as TransactionSession).calledModule = calledAs;
    session.meter.charge(1, 1, 0, REFERENCE);
    session.meter.charge(1, 0, 1, 0);
    this.#run(
      session as TransactionSession,
      fn,
      [],
      witness.map(() => [true]),
    );
  }

  /** Runs a function; `values` are changed in place where they are passed by `&mut`. */
  #run(session: TransactionSession, fn: MoveFunction, types: readonly Type[], values: Value[]): Value[] {
    if (fn.returns.some(isReference)) {
      throw new VmError('InvalidArgument', `Cannot call ${fn.name}: it returns a reference`);
    }
    const args = fn.parameters.map((type, index): Value => {
      if (isTxContext(type)) return asPassed(type, [contextValue(session)], 0);
      return asPassed(type, values, index);
    });
    return new Machine(this.#loader, session).run(fn, types, args);
  }

  #resolve(fn: MoveFunction, names: TypeName[]): readonly Type[] {
    const key = names.join(';');
    let types = this.#typeArguments.get(key);
    if (!types) {
      types = names.map((name) => this.#loader.type(name));
      this.#typeArguments.set(key, types);
    }
    this.#loader.checkTypeArguments(fn.name, fn.constraints, types);
    return types;
  }

  #decode(
    type: Type,
    bcs: Uint8Array,
    code: 'InvalidArgument' | 'InvalidPureArgument',
    index?: number,
  ): Value {
    try {
      return this.#loader.codec.decode(type, bcs);
    } catch (cause) {
      if (!(cause instanceof BcsError)) throw cause;
      throw new VmError(code, cause.message, { cause, ...(index !== undefined && { index }) });
    }
  }
}

function asPassed(type: Type, values: Value[], index: number): Value {
  return isReference(type) ? new Reference(values, index) : values[index]!;
}

/** Parameters that the caller passes; a `TxContext` stands last. */
function passedParameters(fn: MoveFunction): Type[] {
  return fn.parameters.filter((type) => !isTxContext(type));
}

function isTxContext(type: Type): boolean {
  return isReference(type) && pathOf(type.arguments[0]!) === TYPE_PATH.txContext;
}

/** In the order of the fields of `TxContext`. */
function contextValue({ context }: TransactionSession): Value {
  const { sender, digest, epoch, epochTimestampMs, idsCreated } = context;
  return [sender, [...digest], epoch, epochTimestampMs, idsCreated];
}

function weightOf(fn: MoveFunction, args: readonly Type[], instantiate: (type: Type) => Type) {
  const signature = [...fn.parameters, ...fn.returns];
  const types = [...args, ...signature.map(instantiate)];
  return {
    types: types.reduce((sum, type) => sum + typeNodes(type), 0),
    references: signature.filter((type) => isReference(type) && !isTxContext(type)).length,
    packages: 1,
  };
}

function target(type: Type): Type {
  return isReference(type) ? type.arguments[0]! : type;
}

function describe(type: Type) {
  return { type: type.name, abilities: abilityFlags(abilitiesOf(type)) };
}

function toParameter(type: Type) {
  const passing = isReference(type) ? (type.kind as 'reference' | 'mutable') : ('value' as const);
  return { ...describe(target(type)), passing };
}
