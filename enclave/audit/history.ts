import type { AuditEntry } from './audit.ts';

/**
 * The newest entries, a bounded number of them. When there are too many, the oldest goes of whoever fills the history
 * most: of the action with the most entries, of the subject with the most among these. So one that is at it again and
 * again displaces itself, and asking to join, which anybody can do in a worker's name, displaces no order.
 */
export class History {
  readonly #limit: number;
  #entries: AuditEntry[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Newest first. */
  get recent(): readonly AuditEntry[] {
    return this.#entries.toReversed();
  }

  add(entry: AuditEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length <= this.#limit) return;
    const busiest = largest(Object.groupBy(this.#entries, ({ action }) => action));
    const [oldest] = largest(Object.groupBy(busiest, ({ subject }) => subject));
    this.#entries = this.#entries.filter((each) => each !== oldest);
  }
}

/** The largest group; of several the one that was begun first. */
function largest(groups: Partial<Record<string, AuditEntry[]>>): AuditEntry[] {
  return Object.values(groups).reduce<AuditEntry[]>(
    (most, group = []) => (group.length > most.length ? group : most),
    [],
  );
}
