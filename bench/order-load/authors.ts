import { setTimeout as sleep } from 'node:timers/promises';
import { depositFees } from '@daasvader/chain/calls/anyone.ts';
import { stake, submitK8sRequest, submitRequest } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { execute } from '@daasvader/chain/submit.ts';
import type { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import type { Ed25519Keypair } from '@mysten/sui/keypairs/ed25519';
import type { Transaction } from '@mysten/sui/transactions';

const SUI = 1_000_000_000n;
/** Makes a developer. */
const STAKE = 2n * SUI;
const DEPOSIT = SUI;
/** So that none comes near the 1,200 orders that an owner may make in an hour, nor has more than 32 open. */
const ORDERS_PER_AUTHOR = 1_000;
const MIN_AUTHORS = 25;
/** Orders in one transaction: see {@link orderApp}. */
const ORDERS_PER_APP = 4;
const CONFIG_BYTES = 1_024;
/** MIST; fixed, so that the devnet need not simulate what it is about to execute. */
const GAS_BUDGET = SUI / 2n;

/** What came of the load. */
export interface Load {
  readonly accepted: number;
  readonly transactions: number;
  /** Why transactions were refused, each time. */
  readonly refusals: readonly string[];
  /** Ms from the first transaction to the end of the last. */
  readonly ms: number;
}

/** Owners of namespaces of their own, who order one app after the other, each in a transaction. */
export class Authors {
  readonly #cluster: ChainCluster;
  readonly #all: readonly Ed25519Keypair[];

  private constructor(cluster: ChainCluster, all: readonly Ed25519Keypair[]) {
    this.#cluster = cluster;
    this.#all = all;
  }

  /** As many as `orders` orders need, each with a stake and fees paid in. */
  static async start(cluster: ChainCluster, orders: number): Promise<Authors> {
    const { client, deployment } = cluster;
    const all: Ed25519Keypair[] = [];
    const count = Math.max(MIN_AUTHORS, Math.ceil(orders / ORDERS_PER_AUTHOR));
    for (let index = 0; index < count; index += 1) {
      const author = await cluster.fundedAccount();
      await execute(client, author, (tx) => {
        stake(tx, deployment, STAKE);
        depositFees(tx, deployment, { payment: DEPOSIT, owner: author.toSuiAddress() });
      });
      all.push(author);
    }
    return new Authors(cluster, all);
  }

  get count(): number {
    return this.#all.length;
  }

  /** Orders `perSecond` in all for `seconds`, as far as the chain keeps up. */
  async order(perSecond: number, seconds: number): Promise<Load> {
    const refusals: string[] = [];
    const everyMs = (1_000 * this.count * ORDERS_PER_APP) / perSecond;
    const from = performance.now();
    const write = async (author: Ed25519Keypair, index: number): Promise<number> => {
      let apps = 0;
      for (let at = from + (everyMs * index) / this.count; at < from + 1_000 * seconds; at += everyMs) {
        await sleep(Math.max(0, at - performance.now()));
        if (performance.now() - from > 1_000 * seconds) break;
        const { client, deployment } = this.#cluster;
        const order = (tx: Transaction) => {
          tx.setGasBudget(GAS_BUDGET);
          orderApp(tx, deployment, author.toSuiAddress(), apps);
        };
        await execute(client, author, order)
          .then(() => (apps += 1))
          .catch((error: Error) => refusals.push(error.message));
      }
      return apps;
    };
    const apps = await Promise.all(this.#all.map(write));
    const transactions = apps.reduce((sum, each) => sum + each, 0);
    const ms = performance.now() - from;
    return { accepted: transactions * ORDERS_PER_APP, transactions, refusals, ms };
  }
}

/** Two Deployments, the Service of the first and a ConfigMap, as a user orders what belongs together. */
function orderApp(tx: Transaction, ids: ContractIds, requester: string, index: number): void {
  const name = `app-${index}`;
  const apps = '/apis/apps/v1/namespaces/default/deployments';
  const common = { method: 'POST', labels: `app=${name}`, namespace: 'default', requester, port: '8080' };
  const web = { ...common, name, containerName: name, image: 'ghcr.io/example/web:1.29' };
  submitK8sRequest(tx, ids, { ...web, path: apps });
  submitK8sRequest(tx, ids, { ...web, path: apps, name: `${name}-worker` });
  submitK8sRequest(tx, ids, { ...web, path: '/api/v1/namespaces/default/services' });
  const metadata = { name };
  const data = { 'config.yaml': 'x'.repeat(CONFIG_BYTES) };
  const body = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
  const path = '/api/v1/namespaces/default/configmaps';
  submitRequest(tx, ids, { method: 'POST', path, query: '', contentType: 'application/json', body });
}
