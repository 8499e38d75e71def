import { sizerOf } from './gas/size.ts';
import type { Loader } from './loader.ts';
import type { TransactionSession } from './session.ts';
import type { Type } from './type.ts';
import type { Value } from './value.ts';

/** What a native function can reach, and what its call costs. */
export class NativeCall {
  readonly session: TransactionSession;
  readonly loader: Loader;
  readonly typeArguments: readonly Type[];
  /** Internal units; the machine deducts them when the native returns or aborts. */
  cost = 0;

  constructor(session: TransactionSession, loader: Loader, typeArguments: readonly Type[]) {
    this.session = session;
    this.loader = loader;
    this.typeArguments = typeArguments;
  }

  /** Ends the transaction at once when so many internal units are not left. @throws {VmError} `InsufficientGas` */
  charge(internal: number): void {
    this.cost += internal;
    const { meter } = this.session;
    if (this.cost > meter.left) meter.deduct(this.cost);
  }

  /** The abstract size of a value of the first type argument. */
  sizeOf(value: Value): number {
    return sizerOf(this.loader.codec, this.typeArguments[0]!)(value);
  }
}

/** A function implemented outside of Move; undefined when it returns nothing. */
export type Native = (args: Value[], context: NativeCall) => Value | undefined;

/** Natives of one module, by function name. */
export type NativeModule = Record<string, Native>;
