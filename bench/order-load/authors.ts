import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { depositFees } from '@daasvader/chain/calls/anyone.ts';
import { stake } from '@daasvader/chain/calls/user.ts';
import { execute } from '@daasvader/chain/submit.ts';
import type { ChainCluster } from '@daasvader/testbed/cluster/chain-cluster.ts';
import type { Load, LoadOptions } from './load.ts';

const SUI = 1_000_000_000n;
/** Makes a developer. */
const STAKE = 2n * SUI;
const DEPOSIT = SUI;
/** So that none comes near the 1,200 orders that an owner may make in an hour, nor has more than 32 open. */
const ORDERS_PER_AUTHOR = 1_000;
const MIN_AUTHORS = 25;

/** Owners of namespaces of their own, who order one app after the other, each in a transaction. */
export class Authors {
  readonly #cluster: ChainCluster;
  readonly #secrets: readonly string[];

  private constructor(cluster: ChainCluster, secrets: readonly string[]) {
    this.#cluster = cluster;
    this.#secrets = secrets;
  }

  /** As many as `orders` orders need, each with a stake and fees paid in. */
  static async start(cluster: ChainCluster, orders: number): Promise<Authors> {
    const { client, deployment } = cluster;
    const secrets: string[] = [];
    const count = Math.max(MIN_AUTHORS, Math.ceil(orders / ORDERS_PER_AUTHOR));
    for (let index = 0; index < count; index += 1) {
      const author = await cluster.fundedAccount();
      await execute(client, author, (tx) => {
        stake(tx, deployment, STAKE);
        depositFees(tx, deployment, { payment: DEPOSIT, owner: author.toSuiAddress() });
      });
      secrets.push(author.getSecretKey());
    }
    return new Authors(cluster, secrets);
  }

  get count(): number {
    return this.#secrets.length;
  }

  /** Orders `perSecond` in all for `seconds`, as far as the chain keeps up; in a thread, as none of it is measured. */
  async order(perSecond: number, seconds: number): Promise<Load> {
    const { deployment, devnet } = this.#cluster;
    const workerData: LoadOptions = {
      ...{ deployment, url: devnet.url, secrets: this.#secrets },
      ...{ perSecond, seconds },
    };
    const thread = new Worker(new URL('./load.ts', import.meta.url), { workerData });
    const [load] = await once(thread, 'message');
    return load as Load;
  }
}
