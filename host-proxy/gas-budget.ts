import type { GasUse } from './host-chain.ts';

/**
 * MIST beside what the simulation took: until the transaction is executed others may change the shared objects that it
 * touches, and then it may have to pay for storage that was there when it was simulated. What is not used is not taken.
 */
const MARGIN = 10_000_000n;

/** What a transaction offers: MIST per gas unit, and MIST at most. */
export interface GasOffer {
  readonly price: bigint;
  readonly budget: bigint;
}

/**
 * The best offer within a limit; computation counts half as much again.
 *
 * @param use as simulated at the reference price
 * @param multiples of the reference price, the best first and 1 last
 * @param most MIST; the last offer is brought down to it
 */
export function offerFor(use: GasUse, price: bigint, multiples: readonly bigint[], most: bigint): GasOffer {
  const storage = use.storage > 0n ? use.storage : 0n;
  const offers = multiples.map((multiple) => {
    return { price: price * multiple, budget: (use.computation * multiple * 3n) / 2n + storage + MARGIN };
  });
  return offers.find(({ budget }) => budget <= most) ?? { price, budget: most };
}
