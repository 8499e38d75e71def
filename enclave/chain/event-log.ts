import { EMPTY_HEAD, foldHead, type LogHead, type RawEvent } from '@daasvader/chain/log.ts';
import { EnclaveError } from '../error.ts';

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

  /** Takes the next event. @throws {EnclaveError} `log-gap` when it is another one */
  take(event: RawEvent): void {
    if (event.seq !== this.#seq + 1) {
      const options = { expected: this.#seq + 1, actual: event.seq };
      throw new EnclaveError('log-gap', `Cannot follow log ${this.id}: this is not the next event`, options);
    }
    this.#head = foldHead(this.#head, event);
    this.#seq = event.seq;
    this.#heads.set(event.seq, this.#head);
    this.#heads.delete(event.seq - REMEMBERED);
  }

  /** Whether these events, from whomever, are those between the last one taken and a proven head. */
  leadsTo(events: readonly RawEvent[], { seq, head }: LogHead): boolean {
    if (this.#seq + events.length !== seq) return false;
    if (events.some((event, index) => event.logId !== this.id || event.seq !== this.#seq + 1 + index))
      return false;
    return Buffer.from(events.reduce<Uint8Array>(foldHead, this.#head)).equals(head);
  }

  /**
   * Compares what was taken with a head that the chain states.
   *
   * @throws {EnclaveError} `log-forged` when the events taken were not the ones that the chain emitted
   */
  check({ seq, head }: LogHead): void {
    const ours = this.#heads.get(seq);
    if (ours === undefined || Buffer.from(ours).equals(head)) return;
    const options = {
      expected: Buffer.from(head).toString('hex'),
      actual: Buffer.from(ours).toString('hex'),
    };
    throw new EnclaveError(
      'log-forged',
      `Cannot trust log ${this.id}: its events to ${seq} were not these`,
      options,
    );
  }
}
