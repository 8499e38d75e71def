/** Hands on a list when it has not changed for some time, and never the same one twice in a row. */
export class Debounced {
  readonly #tell: (values: readonly string[]) => Promise<void>;
  readonly #pauseMs: number;
  #newest: readonly string[] = [];
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  /** @param tell does not fail */
  constructor(tell: (values: readonly string[]) => Promise<void>, pauseMs: number) {
    this.#tell = tell;
    this.#pauseMs = pauseMs;
  }

  /** Takes the list as it is now. */
  readonly set = (values: readonly string[]): void => {
    if (`${values}` === `${this.#newest}`) return;
    this.#newest = values;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), this.#pauseMs).unref();
  };

  /** Hands on the newest one now, and none after it until there is another one. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    if (`${this.#newest}` === this.#told) return;
    this.#told = `${this.#newest}`;
    await this.#tell(this.#newest);
  }
}
