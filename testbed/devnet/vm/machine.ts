import { EXECUTION_LIMITS } from '../protocol.ts';
import type { MoveFunction } from './function.ts';
import type { GasMeter } from './gas/meter.ts';
import { sizerOf } from './gas/size.ts';
import type { Loader } from './loader.ts';
import { NativeCall } from './native.ts';
import type { TransactionSession } from './session.ts';
import type { Type } from './type.ts';
import { type PrimitiveStatus, VmError } from './types.ts';
import type { Value } from './value.ts';

/** Move's limit on the operand stack of one function (`max_value_stack_size`). */
export const MAX_STACK = EXECUTION_LIMITS.stack;

/** One decoded instruction: it acts on the machine's current frame. */
export type Step = (machine: Machine) => void;

/** A function call in progress. */
export interface Frame {
  readonly fn: MoveFunction;
  readonly code: readonly Step[];
  readonly typeArguments: readonly Type[];
  readonly locals: Value[];
  /** The next instruction. */
  pc: number;
  readonly caller: Frame | undefined;
  readonly depth: number;
}

/** Move's limit on nested calls. */
const MAX_CALL_DEPTH = 1024;

/** Runs one function and what it calls, on an operand stack shared by its frames. */
export class Machine {
  readonly stack: Value[] = [];
  readonly session: TransactionSession;
  readonly loader: Loader;
  readonly meter: GasMeter;
  /** The running frame; only read by a {@link Step}, hence never undefined then. */
  frame!: Frame;
  #running = false;

  constructor(loader: Loader, session: TransactionSession) {
    this.loader = loader;
    this.session = session;
    this.meter = session.meter;
  }

  /**
   * Runs a function to its end.
   *
   * @returns its results
   * @throws {VmError} with the place where execution stopped
   */
  run(fn: MoveFunction, typeArguments: readonly Type[], args: Value[]): Value[] {
    this.stack.push(...args);
    this.call(fn, typeArguments);
    try {
      while (this.#running) this.frame.code[this.frame.pc++]!(this);
    } catch (error) {
      throw located(error, this.frame.fn, this.frame.pc - 1);
    }
    return this.stack;
  }

  pop(): Value {
    return this.stack.pop()!;
  }

  push(value: Value): void {
    this.stack.push(value);
  }

  /** Enters a function whose arguments are on the stack; a native one runs at once. */
  call(fn: MoveFunction, typeArguments: readonly Type[]): void {
    const args = this.stack.splice(this.stack.length - fn.parameters.length);
    if (fn.isNative) return this.#callNative(fn, typeArguments, args);
    const caller = this.#running ? this.frame : undefined;
    const depth = caller ? caller.depth + 1 : 1;
    if (depth > MAX_CALL_DEPTH)
      throw primitiveError('CALL_STACK_OVERFLOW', `more than ${MAX_CALL_DEPTH} nested calls`);
    this.frame = { fn, code: fn.code, typeArguments, locals: args, pc: 0, caller, depth };
    this.#running = true;
  }

  /** Leaves the current function; its results stay on the stack. */
  leave(): void {
    const { caller } = this.frame;
    if (caller) this.frame = caller;
    else this.#running = false;
  }

  #callNative(fn: MoveFunction, typeArguments: readonly Type[], args: Value[]): void {
    const { session, loader, meter } = this;
    const call = new NativeCall(session, loader, typeArguments);
    try {
      meter.charge(1, 0, 0, 0);
      const result = fn.native(args, call);
      if (result === undefined) return meter.chargeNative(call.cost, 0, 0);
      const type = loader.types.substitute(fn.returns[0]!, typeArguments);
      meter.chargeNative(call.cost, 1, sizerOf(loader.codec, type)(result));
      this.push(result);
    } catch (error) {
      if (error instanceof VmError && error.code === 'MoveAbort') meter.chargeNative(call.cost, 0, 0);
      throw located(error, fn, 0);
    }
  }
}

/** An arithmetic or vector fault; the machine adds the location. */
export function primitiveError(status: PrimitiveStatus, reason: string): VmError {
  return new VmError('MovePrimitiveRuntimeError', `Cannot execute: ${reason}`, { status });
}

/** An abort; the machine adds the location. */
export function abort(code: bigint): VmError {
  return new VmError('MoveAbort', `Move abort ${code}`, { abortCode: code });
}

/** Says where an error happened, unless it says so itself. */
function located(error: unknown, fn: MoveFunction, instruction: number): unknown {
  if (error instanceof VmError && error.location) return error;
  const { code, message, abortCode, status, index, cause } =
    error instanceof VmError
      ? error
      : new VmError('InvariantViolation', `Cannot execute: ${error}`, { cause: error });
  const { id } = fn.module;
  return new VmError(code, `${message} in ${id.address}::${id.name}::${fn.name} at ${instruction}`, {
    location: { module: id, function: fn.index, instruction, functionName: fn.name },
    ...(abortCode !== undefined && { abortCode }),
    ...(status && { status }),
    ...(index !== undefined && { index }),
    cause,
  });
}
