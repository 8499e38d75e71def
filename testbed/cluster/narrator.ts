const bold = (text: string) => `\u001b[1m${text}\u001b[0m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[0m`;
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;

/** Tells a person what is going on, with the time that each step took. */
export class Narrator {
  readonly #startedAt = performance.now();
  readonly #write: (text: string) => void;
  #steps = 0;

  /** @param write where the story goes; standard output unless given */
  constructor(write: (text: string) => void = (text) => process.stdout.write(text)) {
    this.#write = write;
  }

  /** Runs `work` under a numbered heading and prints how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.#steps += 1;
    this.#write(`\n${bold(`${this.#steps}. ${title}`)}\n`);
    const startedAt = performance.now();
    const result = await work();
    this.tell(dim(seconds(performance.now() - startedAt)));
    return result;
  }

  /** Prints text under the current step, indented. */
  tell(text: string): void {
    this.#write(`${text.trimEnd().replace(/^/gm, '   ')}\n`);
  }

  /** Prints a command as one would type it. */
  command(line: string): void {
    this.tell(dim(`$ ${line}`));
  }

  /** Prints the time since the beginning. */
  finish(text: string): void {
    const total = seconds(performance.now() - this.#startedAt);
    this.#write(`\n${bold(text)} ${dim(`(${total} in all)`)}\n`);
  }
}
