import { setTimeout as delay } from 'node:timers/promises';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { HostProxyError } from './error.ts';
import type { Coin, HostChain } from './host-chain.ts';
import type { Pot } from './transaction-kind.ts';

/** So many transactions can be under way at once. */
const POOL_SIZE = 16;
/** What a coin must hold to be of use, in MIST: a batch of statements costs less, and so does splitting a coin. */
const MIN_BALANCE = 50_000_000n;
/** One coin in so many is left to what keeps the cluster alive, however many statements wait. */
const SPARE_SHARE = 4;
/** A coin whose transaction never came is offered again after this. */
const LEASE_MS = 30_000;
const WAIT_MS = 15_000;
const POLL_MS = 100;

interface Held {
  readonly version: bigint;
  readonly until: number;
}

/** A coin that pays for one transaction and for no other. */
export interface Lease {
  readonly coin: Coin;
  /** Gives it back when nothing was signed. */
  release(): void;
}

/**
 * Hands out the host account's coins so that no two transactions name the same version of one: a coin is free again
 * when the chain shows a newer version of it, which is how one sees that the transaction it paid for was executed.
 */
export class GasCoins {
  readonly #chain: HostChain;
  readonly #account: Ed25519Keypair;
  readonly #held = new Map<string, Held>();
  #spread: Promise<void> | undefined;

  constructor(chain: HostChain, account: Ed25519Keypair) {
    this.#chain = chain;
    this.#account = account;
  }

  /**
   * Takes the largest coin that is free; statements leave some of them to heartbeats.
   *
   * @throws {HostProxyError} `budget` when no coin is large enough or none becomes free in time, `chain`
   */
  async lease(pot: Pot): Promise<Lease> {
    this.#spread ??= this.#split();
    await this.#spread.catch((error: unknown) => {
      this.#spread = undefined;
      throw error;
    });
    for (const deadline = performance.now() + WAIT_MS; ; await delay(POLL_MS)) {
      const coins = await this.#coins();
      const free = coins.filter((coin) => this.#isFree(coin));
      const spare = pot === 'statements' ? Math.floor(coins.length / SPARE_SHARE) : 0;
      const coin = free.length > spare ? this.#best(free) : undefined;
      if (coin) return this.#hold(coin);
      if (performance.now() > deadline) {
        throw new HostProxyError('budget', 'Cannot pay gas: every coin is in use; ask again in 30 s');
      }
    }
  }

  #hold(coin: Coin): Lease {
    const held = { version: BigInt(coin.version), until: performance.now() + LEASE_MS };
    this.#held.set(coin.objectId, held);
    const release = () => {
      if (this.#held.get(coin.objectId) === held) this.#held.delete(coin.objectId);
    };
    return { coin, release };
  }

  /** Those of use, the largest first. @throws {HostProxyError} `budget` when there is none, `chain` */
  async #coins(): Promise<Coin[]> {
    const owner = this.#account.toSuiAddress();
    const coins = (await this.#chain.coins(owner)).filter(({ balance }) => BigInt(balance) >= MIN_BALANCE);
    if (coins.length > 0) return coins.sort((a, b) => Number(BigInt(b.balance) - BigInt(a.balance)));
    throw new HostProxyError(
      'budget',
      `Cannot pay gas: no coin of the host account ${owner} holds ${MIN_BALANCE} MIST; send it SUI`,
    );
  }

  #isFree({ objectId, version }: Coin): boolean {
    const held = this.#held.get(objectId);
    return !held || BigInt(version) > held.version || performance.now() > held.until;
  }

  /** A coin that another transaction may still name comes last: of two that name it, validators might take neither. */
  #best(free: readonly Coin[]): Coin | undefined {
    const isNamed = ({ objectId, version }: Coin) => this.#held.get(objectId)?.version === BigInt(version);
    return free.find((coin) => !isNamed(coin)) ?? free[0];
  }

  /** Turns one large coin into many, once; a coin too small for that stays as it is. */
  async #split(): Promise<void> {
    const [coin, ...others] = await this.#coins();
    if (!coin || others.length + 1 >= POOL_SIZE) return;
    const share = BigInt(coin.balance) / BigInt(POOL_SIZE + 1);
    if (share < MIN_BALANCE) return;
    const owner = this.#account.toSuiAddress();
    const transaction = new Transaction();
    const shares = Array.from({ length: POOL_SIZE - 1 }, () => share);
    const parts = transaction.splitCoins(transaction.gas, shares);
    transaction.transferObjects(
      shares.map((_, i) => parts[i]!),
      owner,
    );
    payWith(transaction, coin, { owner, budget: MIN_BALANCE, price: await this.#chain.gasPrice() });
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
