import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubernetes } from '@daasvader/enclave/kube/kubernetes.ts';
import { statusOf } from '@daasvader/enclave/kube/kubernetes.ts';
import { PatchStrategy, setHeaderOptions, type V1Pod, type V1PodStatus } from '@kubernetes/client-node';

const POLL_MS = 50;
const FINALIZER = 'example.com/slow';

/**
 * Says of the pods of a namespace what a kubelet would say, without a machine: that they run, but for those of the
 * image `bad`, whose name is none, and of `late`, which want a Secret.
 */
export class FakeKubelet {
  /** Whether the Secret is there. */
  hasSecret = false;
  readonly #kubernetes: Kubernetes;
  readonly #namespace: string;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(kubernetes: Kubernetes, namespace: string) {
    this.#kubernetes = kubernetes;
    this.#namespace = namespace;
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Says what has become of a pod. */
  async tell(pod: V1Pod, status: V1PodStatus): Promise<void> {
    const named = { name: pod.metadata?.name ?? '', namespace: this.#namespace };
    const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await this.#kubernetes.core.patchNamespacedPodStatus({ ...named, body: { status } }, options);
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
  keep(pod: V1Pod): Promise<unknown> {
    return this.#setFinalizers(pod, [FINALIZER]);
  }

  letGo(pod: V1Pod): Promise<unknown> {
    return this.#setFinalizers(pod, []);
  }

  #setFinalizers(pod: V1Pod, finalizers: string[]): Promise<unknown> {
    const named = { name: pod.metadata?.name ?? '', namespace: this.#namespace };
    const options = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    return this.#kubernetes.core.patchNamespacedPod(
      { ...named, body: { metadata: { finalizers } } },
      options,
    );
  }

  async #pods(labelSelector?: string): Promise<V1Pod[]> {
    const path = `/api/v1/namespaces/${this.#namespace}/pods`;
    return (await this.#kubernetes.list<V1Pod>(path, labelSelector)).items;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    for (; !signal.aborted; await sleep(POLL_MS, undefined, { signal }).catch(() => undefined))
      for (const pod of await this.#pods())
        if (pod.status?.phase === 'Pending')
          await this.tell(pod, this.#statusOf(pod)).catch((error: unknown) => {
            if (statusOf(error) !== 404) throw error; // it went meanwhile
          });
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
