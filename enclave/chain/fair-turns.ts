/** Work of which so much is under way at once; of what waits, one party's comes after the other's, however much each has. */
export class FairTurns {
  /** How many may begin now. */
  #free: number;
  /** Who waits, by party; whose turn is next comes first. */
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Does `work` when its turn has come. */
  async take<T>(party: string, work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((begin) => this.#queue(party, begin));
    try {
      return await work();
    } finally {
      const next = this.#next();
      if (next) next();
      else this.#free += 1;
    }
  }

  #queue(party: string, begin: () => void): void {
    const queue = this.#waiting.get(party);
    if (queue) queue.push(begin);
    else this.#waiting.set(party, [begin]);
  }

  #next(): (() => void) | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    const [party, queue] = first;
    const next = queue.shift();
    this.#waiting.delete(party);
    if (queue.length > 0) this.#waiting.set(party, queue);
    return next;
  }
}
