/** Hands on a list when it has not changed for some time, and never the same one twice in a row. */
export class Debounced {
  readonly #tell: (values: readonly string[]) => void;
  readonly #pauseMs: number;
  #newest: readonly string[] = [];
  #told = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(tell: (values: readonly string[]) => void, pauseMs: number) {
    this.#tell = tell;
    this.#pauseMs = pauseMs;
  }

  /** Takes the list as it is now. */
  readonly set = (values: readonly string[]): void => {
    if (`${values}` === `${this.#newest}`) return;
    this.#newest = values;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.flush(), this.#pauseMs).unref();
  };

  /** Hands on the newest one now, and none after it until there is another one. */
  flush(): void {
    clearTimeout(this.#timer);
    if (`${this.#newest}` === this.#told) return;
    this.#told = `${this.#newest}`;
    this.#tell(this.#newest);
  }
}
