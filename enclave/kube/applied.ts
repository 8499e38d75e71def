import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kubernetes, ObjectRef } from './kubernetes.ts';

const ABSENT = '';

/** Objects of the enclave's that are to be as they were put last, with no more calls than that takes. */
export class Applied {
  readonly #kubernetes: Pick<Kubernetes, 'apply' | 'delete'>;
  /** Each object as it was put; what is not known, as after a call that failed, is not here. */
  readonly #known = new Map<string, string>();

  constructor(kubernetes: Pick<Kubernetes, 'apply' | 'delete'>) {
    this.#kubernetes = kubernetes;
  }

  async put(object: KubernetesObject): Promise<void> {
    const state = JSON.stringify(object);
    await this.#change(object, state, () => this.#kubernetes.apply(object));
  }

  async remove(object: KubernetesObject): Promise<void> {
    const { apiVersion, kind, metadata } = object as ObjectRef;
    const { name, namespace } = metadata;
    const ref = { apiVersion, kind, metadata: { name, ...(namespace !== undefined && { namespace }) } };
    await this.#change(object, ABSENT, () => this.#kubernetes.delete(ref));
  }

  async #change(
    { kind, metadata }: KubernetesObject,
    state: string,
    work: () => Promise<unknown>,
  ): Promise<void> {
    const key = `${kind}/${metadata?.name}`;
    if (this.#known.get(key) === state) return;
    this.#known.delete(key);
    await work();
    this.#known.set(key, state);
  }
}
