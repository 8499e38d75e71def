import { buildWebImage, WEB_PORT } from '../vm/image.ts';
import { Cluster } from './cluster.ts';
import { ClusterDirectory } from './directory.ts';
import { findK3s } from './k3s.ts';
import { Narrator } from './narrator.ts';
import { joinWorker, startCluster } from './steps.ts';
import type { User } from './user.ts';
import type { Worker } from './worker.ts';

/** The image that the worker of a {@link LiveCluster} has. */
export const IMAGE = 'docker.io/library/test:1';

/** Who has the cluster of a test. */
export const TEST_RUN = { what: 'a test', toEnd: 'wait for its end, or end the test run' };

/** Tells nobody. */
export const silent = new Narrator(() => {});

/** A cluster of real processes with one active worker, which has {@link IMAGE}. */
export class LiveCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly worker: Worker;
  readonly #cleanup: AsyncDisposableStack;

  private constructor(cluster: Cluster, worker: Worker, cleanup: AsyncDisposableStack) {
    this.cluster = cluster;
    this.worker = worker;
    this.#cleanup = cleanup;
  }

  /** Takes the place of the demo on this machine, and half a minute. */
  static async start(): Promise<LiveCluster> {
    await using cleanup = new AsyncDisposableStack();
    const { path: directory } = cleanup.use(await ClusterDirectory.take(TEST_RUN));
    const { signal } = new AbortController();
    const cluster = cleanup.use(await Cluster.create({ directory, k3s: await findK3s(signal), signal }));
    await startCluster(cluster, silent);
    const worker = await joinWorker(cluster, silent);
    await worker.importImage(await buildWebImage({ reference: IMAGE, page: 'still here\n' }));
    return new LiveCluster(cluster, worker, cleanup.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanup.disposeAsync();
  }
}

/** Orders a Deployment of {@link IMAGE} and a Service, and gives the ids of the requests. */
export async function order(user: User, name: string): Promise<string[]> {
  const { requests } = (await user.json('deploy', name, '--image', IMAGE, '--port', `${WEB_PORT}`)) as {
    requests: { id: string }[];
  };
  return requests.map(({ id }) => id);
}
