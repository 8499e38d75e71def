import type { Config } from './config.ts';
import { HourlyLimit, type Taken } from './hourly-limit.ts';
import type { Metrics } from './metrics.ts';
import { POTS, type Pot } from './transaction-kind.ts';

/** The gas of an hour, in pots of their own: what users and workers cause never takes what keeps the cluster alive. */
export class GasPots {
  readonly #limits: Readonly<Record<Pot, HourlyLimit>>;
  readonly #metrics: Metrics;

  constructor(gas: Pick<Config['gas'], `${Pot}_per_hour`>, metrics: Metrics) {
    const limit = (name: Pot) =>
      new HourlyLimit({
        name,
        max: BigInt(gas[`${name}_per_hour`]),
        unit: 'MIST',
        key: `gas.${name}_per_hour`,
      });
    this.#limits = { heartbeats: limit('heartbeats'), statements: limit('statements') };
    this.#metrics = metrics;
    metrics.onScrape(() => this.#tell());
    for (const pot of POTS) metrics.gasPot.set({ pot, state: 'limit' }, gas[`${pot}_per_hour`]);
  }

  /**
   * Reserves MIST of a pot until it is known what was spent.
   *
   * @throws {HostProxyError} `budget`: which pot is empty, and when it refills
   */
  take(pot: Pot, mist: bigint): Taken {
    try {
      const taken = this.#limits[pot].take(mist);
      return {
        settle: (used) => {
          taken.settle(used);
          this.#metrics.gasSpent.inc({ pot }, Number(used));
        },
      };
    } catch (error) {
      this.#metrics.gasRefused.inc({ pot });
      throw error;
    }
  }

  #tell(): void {
    for (const pot of POTS) {
      for (const [state, mist] of Object.entries(this.#limits[pot].used()))
        this.#metrics.gasPot.set({ pot, state }, Number(mist));
    }
  }
}
