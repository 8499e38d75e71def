import { buildWebImage, WEB_PORT } from '../vm/image.ts';
import { Cluster } from './cluster.ts';
import { sweep, takeDirectory } from './directory.ts';
import { findK3s } from './k3s.ts';
import { Narrator } from './narrator.ts';
import { joinWorker, startCluster } from './steps.ts';
import type { User } from './user.ts';
import type { Worker } from './worker.ts';

/** The image that the worker of a {@link LiveCluster} has. */
export const IMAGE = 'docker.io/library/test:1';

/** Tells nobody. */
export const silent = new Narrator(() => {});

/** A cluster of real processes with one active worker, which has {@link IMAGE}. */
export class LiveCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly worker: Worker;
  readonly #directory: string;

  private constructor(cluster: Cluster, worker: Worker, directory: string) {
    this.cluster = cluster;
    this.worker = worker;
    this.#directory = directory;
  }

  /** Takes the place of the demo on this machine, and half a minute. */
  static async start(): Promise<LiveCluster> {
    const directory = await takeDirectory();
    const { signal } = new AbortController();
    const cluster = await Cluster.create({ directory, k3s: await findK3s(signal), signal });
    try {
      await startCluster(cluster, silent);
      const worker = await joinWorker(cluster, silent);
      await worker.importImage(await buildWebImage({ reference: IMAGE, page: 'still here\n' }));
      return new LiveCluster(cluster, worker, directory);
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await sweep(this.#directory);
  }
}

/** Orders a Deployment of {@link IMAGE} and a Service, and gives the ids of the requests. */
export async function order(user: User, name: string): Promise<string[]> {
  const { requests } = (await user.json('deploy', name, '--image', IMAGE, '--port', `${WEB_PORT}`)) as {
    requests: { id: string }[];
  };
  return requests.map(({ id }) => id);
}
