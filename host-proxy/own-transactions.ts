import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import { Transaction } from '@mysten/sui/transactions';
import { readAccount } from './account.ts';
import { ClusterPackage } from './cluster-package.ts';
import type { ClusterDeployment, Config } from './config.ts';
import { HostProxyError } from './error.ts';
import { GasCoins, payWith } from './gas-coins.ts';
import { type Executed, type HostChain, SuiHostChain } from './host-chain.ts';
import type { HourlyLimit } from './hourly-limit.ts';

/** What the host account signs with, pays from and calls. */
export interface HostAccount {
  readonly chain: HostChain;
  readonly coins: GasCoins;
  readonly packages: ClusterPackage;
  readonly account: Ed25519Keypair;
  /** MIST that one transaction may cost. */
  readonly perTransaction: bigint;
}

/**
 * The host account of a configuration, on the full node of that configuration.
 *
 * @throws {HostProxyError} `key`
 */
export async function openHostAccount(config: Config, cluster: ClusterDeployment): Promise<HostAccount> {
  const account = await readAccount(config.host.key_file);
  const chain = new SuiHostChain(cluster.network, config.sui.rpc_endpoint);
  const perTransaction = BigInt(config.gas.budget_per_transaction);
  const [coins, packages] = [new GasCoins(chain, account), new ClusterPackage(chain, cluster)];
  return { chain, coins, account, packages, perTransaction };
}

/**
 * Executes a transaction of the host account itself, paid from a coin that nothing else names.
 *
 * @param build adds calls of the package that is the cluster's now
 * @param limit of such transactions an hour; what is not signed, as when it would fail, does not count
 * @throws {HostProxyError} `fails`, `budget` or `chain`
 */
export async function executeOwn(
  { chain, coins, account, packages, perTransaction }: HostAccount,
  limit: HourlyLimit,
  build: (transaction: Transaction, cluster: ClusterDeployment) => void,
): Promise<Executed> {
  const [cluster, price] = await Promise.all([packages.current(), chain.gasPrice()]);
  const attempt = limit.take(1n);
  const { coin, release } = await coins.lease('heartbeats').catch((error: unknown) => {
    attempt.settle(0n);
    throw error;
  });
  const balance = BigInt(coin.balance);
  const transaction = new Transaction();
  const budget = balance < perTransaction ? balance : perTransaction;
  payWith(transaction, coin, { owner: account.toSuiAddress(), budget, price });
  build(transaction, cluster);
  try {
    return await chain.execute(transaction, account);
  } catch (error) {
    if (error instanceof HostProxyError && error.code === 'fails') {
      attempt.settle(0n);
      release();
    }
    throw error;
  }
}
