/** One piece of work after the other per key, and nothing kept of a key that nobody waits for. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Does `work` when what was asked for earlier under the same key is done, whether or not that failed. */
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const done = result.then(
      () => undefined,
      () => undefined, // whoever asked for it is told
    );
    this.#last.set(key, done);
    void done.then(() => {
      if (this.#last.get(key) === done) this.#last.delete(key);
    });
    return result;
  }
}
