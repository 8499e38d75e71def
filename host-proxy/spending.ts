import { setTimeout as sleep } from 'node:timers/promises';
import { TransactionDataBuilder } from '@mysten/sui/transactions';
import type { Coin, HostChain, Outcome } from './host-chain.ts';
import type { Taken } from './hourly-limit.ts';

/** After an hour what was reserved has left its pot anyway. */
const FOLLOW_MS = 3_600_000;
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 10_000;

/** A transaction that the host has signed, the coin that pays for it, and what is reserved for it. */
export interface Signed {
  /** BCS of the TransactionData. */
  readonly bytes: Uint8Array;
  readonly coin: Coin;
  readonly taken: Taken;
  /** Called when it was executed. */
  readonly onOutcome: (outcome: Outcome) => void;
}

/** Learns from the host's own full node what signed transactions really cost, whatever the enclave says of them. */
export class Spending {
  readonly #chain: Pick<HostChain, 'outcome' | 'object'>;
  /** What is reserved for the newest transaction that each coin was signed away to. */
  readonly #reserved = new Map<string, Taken>();

  constructor(chain: Pick<HostChain, 'outcome' | 'object'>) {
    this.#chain = chain;
  }

  /**
   * Settles what is reserved once the chain tells what the transaction cost, or that it can cost nothing any more. Of two
   * transactions that name one version of a coin only one can be executed: the newer one's budget is enough for both.
   */
  follow(signed: Signed): void {
    const { coin, taken } = signed;
    this.#reserved.get(coin.objectId)?.settle(0n);
    this.#reserved.set(coin.objectId, taken);
    void this.#wait(signed);
  }

  async #wait(signed: Signed): Promise<void> {
    const digest = TransactionDataBuilder.getDigestFromBytes(signed.bytes);
    const deadline = performance.now() + FOLLOW_MS;
    let pause = MIN_PAUSE_MS;
    for (let isCoinGone = false; performance.now() < deadline; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
      await sleep(pause, undefined, { ref: false });
      // A full node that does not answer is asked again.
      const outcome = await this.#chain.outcome(digest).catch(() => undefined);
      if (outcome || isCoinGone) return this.#settle(signed, outcome);
      isCoinGone = await this.#hasMoved(signed.coin);
    }
  }

  #settle({ coin, taken, onOutcome }: Signed, outcome: Outcome | undefined): void {
    const spent = outcome ? outcome.gas.computation + outcome.gas.storage : 0n;
    taken.settle(spent > 0n ? spent : 0n);
    if (outcome) onOutcome(outcome);
    if (this.#reserved.get(coin.objectId) === taken) this.#reserved.delete(coin.objectId);
  }

  async #hasMoved({ objectId, version }: Coin): Promise<boolean> {
    const coin = await this.#chain.object(objectId).catch(() => undefined);
    return coin !== undefined && coin.version > BigInt(version);
  }
}
