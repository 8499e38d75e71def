import type { FunctionSignature } from '../vm/types.ts';
import { argumentFailure } from './failure.ts';
import type { Slot } from './values.ts';

/** Values that were used together, directly or through others. */
export interface Clique {
  /** Set once it became part of another. */
  mergedInto?: Clique;
  /** How many values among them can neither be dropped nor stored; infinite once a shared object was consumed. */
  heat: number;
}

/**
 * Sui's rule for entry functions that are not public: what they are given may not be bound to a promise that is still
 * open, or another function could make the caller keep a promise about what the entry function does.
 *
 * @throws {ExecutionFailure} `InvalidArgumentToPrivateEntryFunction`
 */
export function checkEntry({ visibility }: FunctionSignature, slots: Slot[]): void {
  if (visibility === 'public') return;
  for (const slot of new Set(slots)) release(slot);
  for (const [index, slot] of slots.entries()) {
    if (cliqueOf(slot).heat > 0)
      throw argumentFailure(index, { InvalidArgumentToPrivateEntryFunction: true });
  }
}

/** Binds what a command used and what came of it together. */
export function entangle(used: Slot[], results: Slot[]): void {
  const clique: Clique = { heat: 0 };
  for (const slot of used) {
    release(slot);
    const other = cliqueOf(slot);
    if (other === clique) continue;
    clique.heat += other.heat;
    other.mergedInto = clique;
    if (slot.bcs === undefined && slot.input?.owner.kind === 'shared') clique.heat = Number.POSITIVE_INFINITY;
  }
  for (const slot of results) {
    slot.clique = clique;
    slot.isHot = !slot.abilities.drop && !slot.abilities.store;
    if (slot.isHot) clique.heat += 1;
  }
}

/** A value that was moved away no longer heats what it was used with. */
function release(slot: Slot): void {
  if (!slot.isHot || slot.bcs !== undefined) return;
  slot.isHot = false;
  cliqueOf(slot).heat -= 1;
}

function cliqueOf(slot: Slot): Clique {
  slot.clique ??= { heat: 0 };
  while (slot.clique.mergedInto !== undefined) slot.clique = slot.clique.mergedInto;
  return slot.clique;
}
