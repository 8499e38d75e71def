import { setTimeout as delay } from 'node:timers/promises';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { HostProxyError } from './error.ts';
import type { Coin, HostChain } from './host-chain.ts';

/** So many sponsored transactions can be under way at once. */
const POOL_SIZE = 16;
/** A coin whose transaction never came is offered again after this. */
const LEASE_MS = 30_000;
const WAIT_MS = 15_000;
const POLL_MS = 100;

interface Lease {
  readonly version: bigint;
  readonly until: number;
}

/**
 * Hands out the host account's coins so that no two transactions name the same version of one: a coin is free again
 * when the chain shows a newer version of it, which is how one sees that the transaction it paid for was executed.
 */
export class GasCoins {
  readonly #chain: HostChain;
  readonly #account: Ed25519Keypair;
  readonly #leases = new Map<string, Lease>();
  #queue: Promise<unknown> = Promise.resolve();
  #spread = false;

  constructor(chain: HostChain, account: Ed25519Keypair) {
    this.#chain = chain;
    this.#account = account;
  }

  /**
   * Takes a coin that can pay `budget` MIST.
   *
   * @throws {HostProxyError} `budget` when no coin is large enough or none becomes free in time, `chain`
   */
  lease(budget: bigint): Promise<Coin> {
    const leased = this.#queue.then(() => this.#take(budget));
    this.#queue = leased.catch(() => {}); // its own caller hears of it
    return leased;
  }

  async #take(budget: bigint): Promise<Coin> {
    for (const deadline = performance.now() + WAIT_MS; ; await delay(POLL_MS)) {
      const coins = (await this.#chain.coins(this.#account.toSuiAddress())).filter(
        (coin) => BigInt(coin.balance) >= budget,
      );
      const free = coins.find((coin) => this.#isFree(coin));
      if (free && !this.#spread && coins.length < POOL_SIZE) {
        await this.#split(free, budget);
        continue;
      }
      if (free) {
        this.#leases.set(free.objectId, {
          version: BigInt(free.version),
          until: performance.now() + LEASE_MS,
        });
        return free;
      }
      if (coins.length === 0)
        throw new HostProxyError(
          'budget',
          `Cannot pay gas: no coin of the host account ${this.#account.toSuiAddress()} holds ${budget} MIST`,
        );
      if (performance.now() > deadline)
        throw new HostProxyError('budget', 'Cannot pay gas: every coin is in use');
    }
  }

  #isFree({ objectId, version }: Coin): boolean {
    const lease = this.#leases.get(objectId);
    return !lease || BigInt(version) > lease.version || performance.now() > lease.until;
  }

  /** Turns one large coin into many, once; a coin too small for that stays as it is. */
  async #split(coin: Coin, budget: bigint): Promise<void> {
    this.#spread = true;
    const share = BigInt(coin.balance) / BigInt(POOL_SIZE + 1);
    if (share < budget) return;
    const transaction = new Transaction();
    const shares = Array.from({ length: POOL_SIZE - 1 }, () => share);
    const parts = transaction.splitCoins(transaction.gas, shares);
    transaction.transferObjects(
      shares.map((_, i) => parts[i]!),
      this.#account.toSuiAddress(),
    );
    payWith(transaction, coin, {
      owner: this.#account.toSuiAddress(),
      budget,
      price: await this.#chain.gasPrice(),
    });
    await this.#chain.execute(transaction, this.#account);
  }
}

/** Fixes who pays for a transaction of the host account, and how much at most. */
export function payWith(
  transaction: Transaction,
  coin: Coin,
  gas: { owner: string; budget: bigint; price: bigint },
): void {
  transaction.setSender(gas.owner);
  transaction.setGasBudget(gas.budget);
  transaction.setGasPrice(gas.price);
  transaction.setGasPayment([coin]);
}
