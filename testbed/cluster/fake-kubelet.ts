import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod, V1PodStatus } from '@kubernetes/client-node';
import type { BareServer } from './bare-server.ts';

const POLL_MS = 50;
const FINALIZER = 'example.com/slow';

/**
 * Says of the pods of a namespace what a kubelet would say, without a machine: that they run, but for those of the
 * image `bad`, whose name is none, and of `late`, which want a Secret.
 */
export class FakeKubelet {
  /** Whether the Secret is there. */
  hasSecret = false;
  readonly #server: BareServer;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(server: BareServer, namespace: string) {
    this.#server = server;
    this.#namespace = namespace;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Says what has become of a pod. */
  tell(pod: V1Pod, status: V1PodStatus): Promise<void> {
    return this.#merge(pod, '/status', { status });
  }

  /** Ends a pod of a job, as one that did its work, as soon as it runs. */
  async finish(job: string): Promise<void> {
    for (let done = false; !done; await sleep(POLL_MS)) {
      const pods = await this.#pods(`job-name=${job}`);
      const running = pods.find(({ status }) => status?.phase === 'Running');
      if (running) await this.tell(running, { phase: 'Succeeded', conditions: [] });
      done = running !== undefined;
    }
  }

  /** Keeps a pod when it is deleted, as one that takes its time to end. */
  keep(pod: V1Pod): Promise<void> {
    return this.#merge(pod, '', { metadata: { finalizers: [FINALIZER] } });
  }

  letGo(pod: V1Pod): Promise<void> {
    return this.#merge(pod, '', { metadata: { finalizers: [] } });
  }

  /** Changes a pod that is there. */
  async #merge({ metadata }: V1Pod, subresource: string, patch: object): Promise<void> {
    const path = `${this.#path}/${metadata?.name}${subresource}`;
    const { status, text } = await this.#server.call('PATCH', path, this.#server.administrator, patch);
    if (status !== 200 && status !== 404) throw new Error(`PATCH ${path} answered ${status}: ${text}`);
  }

  get #path(): string {
    return `/api/v1/namespaces/${this.#namespace}/pods`;
  }

  async #pods(labelSelector?: string): Promise<V1Pod[]> {
    return (await this.#server.kubernetes.list<V1Pod>(this.#path, labelSelector)).items;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (; !signal.aborted; await sleep(POLL_MS, undefined, { signal }).catch(() => undefined))
      for (const pod of await this.#pods())
        if (pod.status?.phase === 'Pending') await this.tell(pod, this.#statusOf(pod));
  }

  #statusOf({ spec }: V1Pod): V1PodStatus {
    const image = spec?.containers[0]?.image ?? '';
    const waiting = (reason: string, message: string): V1PodStatus => ({
      phase: 'Pending',
      containerStatuses: [
        {
          name: 'c',
          image,
          imageID: '',
          ready: false,
          restartCount: 0,
          state: { waiting: { reason, message } },
        },
      ],
    });
    if (image === 'bad') return waiting('InvalidImageName', 'bad');
    if (image === 'late' && !this.hasSecret)
      return waiting('CreateContainerConfigError', 'secret "s" not found');
    return { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  }
}
