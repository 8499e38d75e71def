import type { Loader } from './loader.ts';
import type { TransactionSession } from './session.ts';
import type { Type } from './type.ts';
import type { Value } from './value.ts';

/** What a native function can reach. */
export interface NativeContext {
  readonly session: TransactionSession;
  readonly loader: Loader;
  readonly typeArguments: readonly Type[];
}

/** A function implemented outside of Move; undefined when it returns nothing. */
export type Native = (args: Value[], context: NativeContext) => Value | undefined;

/** Natives of one module, by function name. */
export type NativeModule = Record<string, Native>;
