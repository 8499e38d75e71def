import type { CertifiedSummary, Summary } from './checkpoint.ts';
import { Committee } from './committee.ts';
import { CheckpointError } from './error.ts';

/** A place in the chain. */
export type Position = Pick<Summary, 'sequence' | 'digest'>;

/**
 * Checkpoints that follow one another by number and hash. One signature on the newest covers all before it, so a long
 * stretch costs as much as a short one; only the last checkpoint of an epoch must be signed by itself, because it names
 * the committee that signs from then on.
 */
export class Trail {
  #committee: Committee;
  #tip: Position | undefined;
  /** Number of the newest checkpoint that is proven. */
  #proven = -1n;

  /** @param committee the one that is trusted from the start */
  constructor(committee: Committee) {
    this.#committee = committee;
  }

  /** The epoch whose checkpoints can be proven. */
  get epoch(): bigint {
    return this.#committee.epoch;
  }

  /**
   * Begins anew at a checkpoint, proven by its own signature.
   *
   * @throws {CheckpointError} `epoch`, `signers`, `quorum` or `signature`
   */
  restart(checkpoint: CertifiedSummary): void {
    this.#verify(checkpoint);
    this.#move(checkpoint);
  }

  /**
   * Takes the checkpoint after the last one; it is not proven before one from it on is.
   *
   * @throws {CheckpointError} `order`, `link` or `epoch`, and at the end of an epoch like {@link restart}
   */
  append(checkpoint: CertifiedSummary): void {
    if (this.#tip) checkNext(this.#tip, checkpoint);
    if (checkpoint.successors) this.#verify(checkpoint);
    else if (checkpoint.epoch !== this.epoch) throw otherEpoch(this.epoch, checkpoint.epoch);
    this.#move(checkpoint);
  }

  /**
   * Follows the committee over the end of an epoch, whatever lies before it.
   *
   * @throws {CheckpointError} `epoch` when it is not the last checkpoint of this epoch, and like {@link restart}
   */
  passEpoch(last: CertifiedSummary): void {
    if (!last.successors)
      throw new CheckpointError('epoch', `Cannot follow the committee: ${last.sequence} ends no epoch`);
    this.restart(last);
  }

  /**
   * Proves one of the checkpoints taken, and so all before it.
   *
   * @throws {CheckpointError} like {@link restart}
   */
  prove(checkpoint: CertifiedSummary): void {
    if (checkpoint.sequence > this.#proven) this.#verify(checkpoint);
  }

  #verify({ bytes, epoch, sequence, certificate }: CertifiedSummary): void {
    if (epoch !== this.epoch) throw otherEpoch(this.epoch, epoch);
    this.#committee.verify(bytes, certificate);
    this.#proven = sequence;
  }

  #move({ sequence, digest, epoch, successors }: CertifiedSummary): void {
    this.#tip = { sequence, digest };
    if (successors) this.#committee = new Committee(epoch + 1n, successors);
  }
}

/**
 * Checks that a checkpoint is the next one.
 *
 * @throws {CheckpointError} `order` when its number is another, `link` when it names another predecessor
 */
export function checkNext(before: Position, { sequence, previous }: Summary): void {
  if (sequence !== before.sequence + 1n) {
    const options = { expected: before.sequence + 1n, actual: sequence };
    throw new CheckpointError('order', 'Cannot follow checkpoints: this is not the next one', options);
  }
  if (previous === before.digest) return;
  const options = { expected: before.digest, actual: previous };
  throw new CheckpointError('link', 'Cannot follow checkpoints: this one follows another one', options);
}

function otherEpoch(expected: bigint, actual: bigint): CheckpointError {
  return new CheckpointError('epoch', 'Cannot believe a checkpoint: it is of another epoch', {
    expected,
    actual,
  });
}
