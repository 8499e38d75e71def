import type { Store } from './store.ts';
import { Validators } from './validators.ts';

/** A stretch of checkpoints that one committee certifies. */
export interface Epoch {
  committee: Validators;
  firstCheckpoint: number;
  /** Undefined while it lasts. */
  lastCheckpoint: number | undefined;
  /** Milliseconds: of the checkpoint that ended the epoch before, or of genesis. */
  startMs: number;
}

/** Finds an epoch up to the `current` one. @returns undefined for one that has not begun */
export function findEpoch(
  store: Store,
  secret: Uint8Array,
  current: bigint,
  epoch: bigint,
): Epoch | undefined {
  if (epoch > current) return undefined;
  const previousEnd = epoch === 0n ? undefined : store.lastCheckpointOf(epoch - 1n)!;
  return {
    committee: Validators.derive(secret, epoch),
    firstCheckpoint: previousEnd === undefined ? 0 : previousEnd + 1,
    lastCheckpoint: epoch === current ? undefined : store.lastCheckpointOf(epoch)!,
    startMs: store.checkpoint(previousEnd ?? 0)!.timestampMs,
  };
}
