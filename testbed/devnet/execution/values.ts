import type { ChainOwner } from '../transaction/object.ts';
import type { Abilities, Address, TypeName } from '../vm/types.ts';
import type { Clique } from './entanglement.ts';
import { argumentFailure, ExecutionFailure } from './failure.ts';

/** Of coins and capabilities. */
export const OBJECT: Abilities = { copy: false, drop: false, store: true, key: true };
export const PURE: Abilities = { copy: true, drop: true, store: true, key: false };

/** A value that commands pass around: an input, the gas coin or a result. */
export interface Slot {
  /** Undefined for pure bytes, which take the type of the parameter they are passed to. */
  type: TypeName | undefined;
  abilities: Abilities;
  /** Undefined once moved away. */
  bcs: Uint8Array | undefined;
  /** Set for pure bytes that were used: the type they were read as. */
  loadedAs?: TypeName;
  /** Set for input objects. */
  input?: { id: Address; owner: ChainOwner; mutable: boolean };
  /** The gas coin may be borrowed, and moved only by TransferObjects. */
  isGas?: boolean;
  /** Set for the right to receive an object, which is no object itself. */
  receiving?: { id: Address; version: bigint };
  /** Whether it was copied out the last time it was used. */
  wasTaken?: boolean;
  /** What it was used together with. */
  clique?: Clique;
  /** Whether it keeps its clique hot. */
  isHot?: boolean;
}

/** An argument in `@mysten/sui/bcs` form. */
export type CommandArgument =
  | { $kind: 'GasCoin' }
  | { $kind: 'Input'; Input: number }
  | { $kind: 'Result'; Result: number }
  | { $kind: 'NestedResult'; NestedResult: [number, number] };

/** All values of one transaction. */
export class Values {
  readonly gas: Slot;
  readonly inputs: Slot[];
  readonly results: Slot[][] = [];

  constructor(gas: Slot, inputs: Slot[]) {
    this.gas = gas;
    this.inputs = inputs;
  }

  /** @throws {ExecutionFailure} when the argument at `index` names nothing */
  slot(argument: CommandArgument, index: number): Slot {
    switch (argument.$kind) {
      case 'GasCoin':
        return this.gas;
      case 'Input':
        return this.inputs[argument.Input] ?? outOfBounds(index, argument.Input);
      case 'Result':
        return this.#onlyResult(argument.Result, index);
      case 'NestedResult':
        return this.#nestedResult(...argument.NestedResult, index);
    }
  }

  #onlyResult(command: number, index: number): Slot {
    const results = this.results[command] ?? outOfBounds(index, command);
    if (results.length !== 1) throw argumentFailure(index, { InvalidResultArity: { resultIdx: command } });
    return results[0]!;
  }

  #nestedResult(command: number, position: number, index: number): Slot {
    const results = this.results[command] ?? outOfBounds(index, command);
    if (results[position] !== undefined) return results[position];
    const place = { resultIdx: command, secondaryIdx: position };
    throw argumentFailure(index, { SecondaryIndexOutOfBounds: place });
  }
}

function outOfBounds(index: number, idx: number): never {
  throw argumentFailure(index, { IndexOutOfBounds: { idx } });
}

/** Reads a slot without moving it. */
export function borrow(slot: Slot, index: number): Uint8Array {
  if (slot.bcs === undefined) throw argumentFailure(index, { InvalidValueUsage: true });
  slot.wasTaken = false;
  return slot.bcs;
}

/** Checks that a slot may be changed in place, and reads it. */
export function borrowMutably(slot: Slot, index: number): Uint8Array {
  const bytes = borrow(slot, index);
  if (slot.input && !slot.input.mutable) throw argumentFailure(index, { InvalidObjectByMutRef: true });
  return bytes;
}

/** Moves a value out of its slot, or copies it when its type can be copied. */
export function take(slot: Slot, index: number): Uint8Array {
  const bytes = borrow(slot, index);
  if (slot.isGas) throw argumentFailure(index, { InvalidGasCoinUsage: true });
  if (slot.input && !slot.input.mutable) throw argumentFailure(index, { InvalidObjectByValue: true });
  if (!slot.abilities.copy) slot.bcs = undefined;
  slot.wasTaken = true;
  return bytes;
}

/** Throws unless every result was used or can be dropped. The last copy taken of a value counts as the value itself. */
export function checkUnused(values: Values): void {
  for (const [resultIdx, slots] of values.results.entries()) {
    for (const [secondaryIdx, slot] of slots.entries()) {
      if (slot.bcs === undefined || slot.wasTaken || slot.abilities.drop) continue;
      throw new ExecutionFailure(
        { UnusedValueWithoutDrop: { resultIdx, secondaryIdx } },
        `Result ${resultIdx}.${secondaryIdx} is neither used nor droppable`,
      );
    }
  }
}
