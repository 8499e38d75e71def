/** One piece of work after the other per key, and nothing kept of a key that nobody waits for. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Does `work` when what was asked for earlier under the same key is done, whether or not that failed. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const leave = () => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    };
    const done: Promise<void> = result.then(leave, leave); // whoever asked for it is told
    this.#last.set(key, done);
    return result;
  }
}
