import { HttpProblem } from './problem.ts';

/** How a queue is bounded. */
export interface QueueOptions {
  /** Callers that may wait; more are refused. */
  readonly waiting: number;
  /** How long a caller waits for the end of the work, in ms. */
  readonly ms: number;
}

/** Does work of one kind one piece after the other, for a bounded number of callers and a bounded time each. */
export class Queue {
  readonly #options: QueueOptions;
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /**
   * Does `work` when its turn comes. Work that nobody waits for any more is not begun; work that was begun and never
   * ends holds up the others, who are told so in time.
   *
   * @throws {HttpProblem} 503 `busy`
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { waiting, ms } = this.#options;
    if (this.#waiting >= waiting) throw busy(`${waiting} callers wait already`);
    this.#waiting += 1;
    const late = Promise.withResolvers<never>();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      late.reject(busy(`no answer within ${ms / 1_000} s`));
    }, ms);
    const result = this.#turn.then(() => (isLate ? late.promise : work()));
    this.#turn = result.catch(() => undefined); // the caller is told
    try {
      return await Promise.race([result, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#waiting -= 1;
    }
  }
}

function busy(why: string): HttpProblem {
  return new HttpProblem(503, 'busy', `Cannot answer now: ${why}; try again later`);
}
