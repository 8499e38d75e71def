import { INTERNAL_UNITS, NATIVE_CALL_THRESHOLD, TIERS } from '../../protocol.ts';
import { VmError } from '../types.ts';

type Tiers = readonly (readonly [start: number, multiple: number])[];

/** A number that only its highest value matters of: what passes a tier's start is charged that tier's multiple from then on. */
class Tier {
  multiple = 1;
  readonly #tiers: Tiers;
  #next: number;

  constructor(tiers: Tiers) {
    this.#tiers = tiers;
    this.#next = tiers[1]![0];
  }

  reach(current: number): void {
    if (current <= this.#next) return;
    const reached = this.#tiers.findLast(([start]) => start <= current)!;
    this.multiple = reached[1];
    this.#next = this.#tiers.find(([start]) => start > current)?.[0] ?? Number.POSITIVE_INFINITY;
  }
}

/**
 * What a transaction's computation has cost so far, as Sui's `GasStatus` counts it: for each instruction itself, the values
 * that it pushes, and their abstract size. The size of what is popped is never given back.
 */
export class GasMeter {
  readonly #limit: number;
  #left: number;
  #instructions = 0;
  #height = 0;
  #size = 0;
  #nativeCalls = 0;
  readonly #instructionTier = new Tier(TIERS.instructions);
  readonly #heightTier = new Tier(TIERS.stackHeight);
  readonly #sizeTier = new Tier(TIERS.stackSize);

  /** @param units - that may be used */
  constructor(units: number) {
    this.#limit = units * INTERNAL_UNITS;
    this.#left = this.#limit;
  }

  /** Units used, rounded down. */
  get units(): number {
    return Math.floor((this.#limit - this.#left) / INTERNAL_UNITS);
  }

  /** Internal units that may still be used. */
  get left(): number {
    return this.#left;
  }

  /** Charges for instructions and what they put on the stack. @throws {VmError} `InsufficientGas` */
  charge(instructions: number, pushes: number, pops: number, size: number): void {
    this.#height += pushes;
    this.#heightTier.reach(this.#height);
    this.#instructions += instructions;
    this.#instructionTier.reach(this.#instructions);
    this.#size += size;
    this.#sizeTier.reach(this.#size);
    this.deduct(
      instructions * this.#instructionTier.multiple +
        size * this.#sizeTier.multiple +
        pushes * this.#heightTier.multiple,
    );
    this.#height = Math.max(0, this.#height - pops);
  }

  /** Charges for a native that pushes values of that size; after very many calls, as for so many instructions. */
  chargeNative(cost: number, pushes: number, size: number): void {
    this.#nativeCalls += 1;
    if (this.#nativeCalls > NATIVE_CALL_THRESHOLD) return this.charge(cost, pushes, 0, size);
    this.charge(0, pushes, 0, size);
    this.deduct(cost);
  }

  /** Charges internal units, at no multiple. @throws {VmError} `InsufficientGas` */
  deduct(internal: number): void {
    if (internal <= this.#left) {
      this.#left -= internal;
      return;
    }
    this.#left = 0;
    const units = this.#limit / INTERNAL_UNITS;
    throw new VmError('InsufficientGas', `Cannot continue: all ${units} gas units are used`);
  }
}
