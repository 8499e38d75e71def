import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type V1Pod,
} from '@kubernetes/client-node';
import { WorkerError } from './error.ts';
import { BoundedKubeConfig } from './kube-config.ts';

/**
 * The node's own Kubernetes object and pods, with the kubelet's credential: the node authorizer lets a node
 * cordon itself and evict its own pods, and nothing of any other node.
 */
export class OwnNode {
  readonly #api: CoreV1Api;
  readonly #name: string;

  /** @param signal calls off what is being asked, and waiting */
  constructor(kubeconfigFile: string, name: string, signal?: AbortSignal) {
    this.#api = new BoundedKubeConfig(kubeconfigFile, { signal }).makeApiClient(CoreV1Api);
    this.#name = name;
  }

  /** Lets new pods be scheduled here, or not. */
  async setSchedulable(schedulable: boolean): Promise<void> {
    const body = { spec: { unschedulable: schedulable ? null : true } };
    await this.#api.patchNode(
      { name: this.#name, body },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  }

  /**
   * Cordons the node and evicts its pods, those of DaemonSets and static ones apart.
   * @throws WorkerError `k3s` when pods are left at the deadline
   */
  async drain(signal: AbortSignal): Promise<void> {
    await this.setSchedulable(false);
    for (let pods = await this.#movable(); pods.length > 0; pods = await this.#movable()) {
      if (signal.aborted)
        throw new WorkerError('k3s', `Cannot drain ${this.#name}: ${pods.length} pods are left`);
      await Promise.all(
        pods
          .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
          .map((pod) => this.#evict(pod)),
      );
      await sleep(500, undefined, { signal }).catch(() => undefined);
    }
  }

  async #movable(): Promise<V1Pod[]> {
    const { items } = await this.#api.listPodForAllNamespaces({
      fieldSelector: `spec.nodeName=${this.#name}`,
    });
    return items.filter(({ metadata, status }) => {
      const stays =
        metadata?.ownerReferences?.some(({ kind }) => kind === 'DaemonSet' || kind === 'Node') ?? false;
      return !stays && status?.phase !== 'Succeeded' && status?.phase !== 'Failed';
    });
  }

  async #evict({ metadata }: V1Pod): Promise<void> {
    const { name = '', namespace = '' } = metadata ?? {};
    try {
      await this.#api.createNamespacedPodEviction({
        name,
        namespace,
        body: { metadata: { name, namespace } },
      });
    } catch (error) {
      // 404: gone already; 429: a disruption budget says not yet, so it is asked again.
      if (!(error instanceof ApiException) || (error.code !== 404 && error.code !== 429)) throw error;
    }
  }
}
