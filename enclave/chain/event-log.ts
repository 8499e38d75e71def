import { EMPTY_HEAD, foldHead } from '@daasvader/chain/log.ts';
import { EnclaveError } from '../error.ts';
import type { LogHead, RawEvent } from './event.ts';

/** Heads that are remembered, so that a head stated a little later than its event can still be compared. */
const REMEMBERED = 10_000;

/**
 * One object's log as far as it was followed: the head after each event is that of `foldHead`.
 * Events are taken in order, each once.
 */
export class EventLog {
  readonly id: string;
  #seq = 0;
  #head: Uint8Array = EMPTY_HEAD;
  readonly #heads = new Map<number, Uint8Array>([[0, this.#head]]);

  constructor(id: string) {
    this.id = id;
  }

  /** Number of the last event taken. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Takes the next event.
   *
   * @returns false when it was taken before: the same event may come from several sources
   * @throws {EnclaveError} `log-gap` when events before it are missing
   */
  take(event: RawEvent): boolean {
    if (event.seq <= this.#seq) return false;
    if (event.seq !== this.#seq + 1) {
      const options = { expected: this.#seq + 1, actual: event.seq };
      throw new EnclaveError('log-gap', `Cannot follow log ${this.id}: events are missing`, options);
    }
    this.#head = foldHead(this.#head, event);
    this.#seq = event.seq;
    this.#heads.set(event.seq, this.#head);
    this.#heads.delete(event.seq - REMEMBERED);
    return true;
  }

  /**
   * Compares what was followed with a head that the chain states.
   *
   * @throws {EnclaveError} `log-gap` when the log is further than we are, `log-forged` when the events taken were
   * not the ones that the chain emitted
   */
  check({ seq, head }: LogHead): void {
    if (seq > this.#seq) {
      const options = { expected: seq, actual: this.#seq };
      throw new EnclaveError(
        'log-gap',
        `Cannot follow log ${this.id}: it ends later than what arrived`,
        options,
      );
    }
    const ours = this.#heads.get(seq);
    if (ours !== undefined && !Buffer.from(ours).equals(head)) {
      const options = {
        expected: Buffer.from(head).toString('hex'),
        actual: Buffer.from(ours).toString('hex'),
      };
      throw new EnclaveError(
        'log-forged',
        `Cannot trust log ${this.id}: its events up to ${seq} were not these`,
        options,
      );
    }
  }
}
