import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** How far the boot has come, for `/readyz`. */
export interface StepStatus {
  readonly step: string;
  readonly seconds: number | undefined;
}

/** Runs the steps of the boot one after the other; each is logged once and its duration kept. */
export class Steps {
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #done: StepStatus[] = [];

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** Every step that was begun; the one without a duration is under way, or where the boot ended. */
  get status(): readonly StepStatus[] {
    return this.#done;
  }

  /** Runs one step. What it throws goes through: a boot that cannot go on ends. */
  async run<T>(step: string, action: () => Promise<T> | T): Promise<T> {
    const started = performance.now();
    const index = this.#done.push({ step, seconds: undefined }) - 1;
    const result = await action();
    const seconds = (performance.now() - started) / 1_000;
    this.#done[index] = { step, seconds };
    this.#metrics.bootStep.set({ step }, seconds);
    this.#log.info({ step, seconds: Number(seconds.toFixed(3)) }, `boot: ${step}`);
    return result;
  }
}
