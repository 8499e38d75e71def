import { bcs } from '@mysten/sui/bcs';
import { z } from 'zod';
import { HostProxyError } from './error.ts';
import { GasBid } from './gas-bid.ts';
import { offerFor } from './gas-budget.ts';
import type { GasPots } from './gas-pots.ts';
import type { Coin } from './host-chain.ts';
import type { HostAccount } from './own-transactions.ts';
import { Spending } from './spending.ts';
import {
  classify,
  MAX_KIND_CHARACTERS,
  type Pot,
  parseKind,
  type TransactionKind,
} from './transaction-kind.ts';

/** Body of `POST /gas/sponsor`: BCS of a TransactionKind, and who will sign it. */
export const sponsorRequestSchema = z.strictObject({
  transaction: z.base64().max(MAX_KIND_CHARACTERS),
  sender: z.string().regex(/^0x[0-9a-f]{64}$/),
});

/** Answer: BCS of the whole TransactionData, and the host's signature over it. */
export interface Sponsored {
  readonly transaction: string;
  readonly sponsorSignature: string;
}

/** What a sponsor needs. */
export interface SponsorOptions extends HostAccount {
  readonly pots: GasPots;
}

interface Order {
  readonly kind: TransactionKind;
  readonly sender: string;
  readonly pot: Pot;
  readonly isHeartbeat: boolean;
}

/**
 * Pays the gas of the enclave's transactions, and of nothing else. A transaction's budget is what a simulation says; it
 * is reserved in its pot until the host's own full node tells what was really spent.
 */
export class Sponsor {
  readonly #options: SponsorOptions;
  readonly #bid = new GasBid();
  readonly #spending: Spending;

  constructor(options: SponsorOptions) {
    this.#options = options;
    this.#spending = new Spending(options.chain);
  }

  /**
   * Checks a transaction kind and completes it with the host's gas.
   *
   * @throws {HostProxyError} `request`, `refused`, `fails`, `budget` or `chain`
   */
  async sponsor({ transaction, sender }: z.infer<typeof sponsorRequestSchema>): Promise<Sponsored> {
    const { account, packages, coins } = this.#options;
    // The sponsor's signature would count as the sender's: the host account's own objects would be open to the enclave.
    if (sender === account.toSuiAddress())
      throw new HostProxyError('refused', 'Cannot sponsor: the sender is the host account itself');
    const kind = parseKind(transaction);
    const { pot, isHeartbeat, packageId } = classify(kind);
    await packages.assert(packageId);
    const lease = await coins.lease(pot);
    try {
      return await this.#sign({ kind, sender, pot, isHeartbeat }, lease.coin);
    } catch (error) {
      lease.release();
      throw error;
    }
  }

  async #sign(order: Order, coin: Coin): Promise<Sponsored> {
    const { chain, account, pots, perTransaction } = this.#options;
    const price = await chain.gasPrice();
    const most = smaller(perTransaction, BigInt(coin.balance));
    const use = await chain.simulate(this.#encode(order, coin, { price, budget: most }));
    const offer = offerFor(use, price, order.isHeartbeat ? this.#bid.offers() : [1n], most);
    const taken = pots.take(order.pot, offer.budget);
    const bytes = this.#encode(order, coin, offer);
    const { signature } = await account.signTransaction(bytes);
    const beat = order.isHeartbeat ? this.#bid.begin() : undefined;
    this.#spending.follow({ bytes, coin, taken, onOutcome: (outcome) => beat?.end(outcome) });
    return { transaction: Buffer.from(bytes).toString('base64'), sponsorSignature: signature };
  }

  #encode({ kind, sender }: Order, coin: Coin, offer: { price: bigint; budget: bigint }): Uint8Array {
    const { objectId, version, digest } = coin;
    const payment = [{ objectId, version, digest }];
    const gasData = { payment, owner: this.#options.account.toSuiAddress(), ...offer };
    return bcs.TransactionData.serialize({
      V1: { kind, sender, gasData, expiration: { None: true } },
    }).toBytes();
  }
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
