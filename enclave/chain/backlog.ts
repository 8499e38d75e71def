/** Something that waits to be said. */
export interface Item {
  /** What it is about: of one subject one thing is under way at a time, in the order in which they came. */
  readonly subject: string;
  /** For whom: of what may go next, one party's comes after the other's, however much each has. */
  readonly party: string;
}

/**
 * What waits to be said, in lanes by subject and in turns by party.
 *
 *     party a   request 7   start → complete        take(3)   start 7, active w, start 8
 *               request 8   start
 *     party b   worker w    active → offline
 */
export class Backlog<T extends Item> {
  readonly #maxWaiting: number;
  /** What waits, by subject; those that something of is under way included. */
  readonly #lanes = new Map<string, T[]>();
  /** Subjects that may go next, by party; whose turn is next comes first. */
  readonly #ready = new Map<string, Set<string>>();

  /** @param maxWaiting how much may wait of one subject */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Adds to the end of its lane. The newest word counts: @returns the oldest that waits in a lane that was full */
  add(item: T): T | undefined {
    const lane = this.#lanes.get(item.subject);
    if (!lane) {
      this.#lanes.set(item.subject, [item]);
      this.#makeReady(item);
      return undefined;
    }
    lane.push(item);
    return lane.length > this.#maxWaiting ? lane.shift() : undefined;
  }

  /** How many may go now, each of another subject. */
  get ready(): number {
    return [...this.#ready.values()].reduce((sum, subjects) => sum + subjects.size, 0);
  }

  /** The next ones, at most `limit`, each of another subject; they are under way until {@link end} or {@link putBack}. */
  take(limit: number): T[] {
    const taken: T[] = [];
    while (taken.length < limit) {
      const [first] = this.#ready;
      if (!first) break;
      const [party, subjects] = first;
      const subject = subjects.values().next().value!;
      subjects.delete(subject);
      this.#ready.delete(party);
      if (subjects.size > 0) this.#ready.set(party, subjects);
      taken.push(this.#lanes.get(subject)!.shift()!);
    }
    return taken;
  }

  /** It is over: the next of its subject may go. */
  end({ subject }: T): void {
    const [next] = this.#lanes.get(subject) ?? [];
    if (next) this.#makeReady(next);
    else this.#lanes.delete(subject);
  }

  /** It is to be taken again, before the others of its subject. */
  putBack(item: T): void {
    this.#lanes.get(item.subject)!.unshift(item);
    this.#makeReady(item);
  }

  #makeReady({ party, subject }: T): void {
    const subjects = this.#ready.get(party) ?? new Set();
    this.#ready.set(party, subjects.add(subject));
  }
}
