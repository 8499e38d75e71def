import type { Impersonated, Reply } from '@daasvader/enclave/kube/api-server.ts';
import type { ObjectRef } from '@daasvader/enclave/kube/kubernetes.ts';
import type { Replay } from '@daasvader/enclave/kube/replay.ts';
import type { KubernetesObject, V1Deployment, V1ResourceQuota } from '@kubernetes/client-node';
import { answered, identityIn, objectAfter, refusal } from './fake-api.ts';

/** What a test looks at of the pods' quota. */
const QUOTA = 'daasvader';

/**
 * Objects in memory with what Kubernetes does about them: namespaces take with them what is in them, Deployments have
 * their pods made, and quotas of pods are kept to, whoever makes them.
 */
export class FakeCluster {
  readonly objects = new Map<string, KubernetesObject>();
  /** How often each method was called that goes to the API server. */
  readonly calls: string[] = [];
  /** Called before each call takes effect; may throw. */
  onCall: (what: string) => void = () => undefined;
  /** Whether namespaces that are deleted stay with the pods in them, until they are deleted again when this is false. */
  isSlow = false;
  /** Whether quotas are in force as soon as they are put; else when they are counted. */
  isCounting = true;
  /** What quotas limit by now, as they were counted last. */
  readonly #inForce = new Map<string, Record<string, string>>();
  #uids = 0;

  readonly isReady = async (): Promise<boolean> => true;

  /** The names of pods, all or those of a namespace. */
  pods(namespace = ''): string[] {
    return [...this.objects.keys()].filter((id) => id.startsWith(`Pod/${namespace}`));
  }

  /** The names of namespaces. */
  get namespaces(): string[] {
    return [...this.objects.values()]
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ metadata }) => metadata?.name ?? '');
  }

  /** What a namespace may have, by the name in its quota. */
  hard(namespace: string): Record<string, string> {
    const quota = this.objects.get(`ResourceQuota/${namespace}/${QUOTA}`) as V1ResourceQuota | undefined;
    return quota?.spec?.hard ?? {};
  }

  readonly read = async <T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> => {
    await this.#call(`read ${idOf(ref)}`);
    const found = this.objects.get(idOf(ref));
    if (ref.kind !== 'ResourceQuota' || found === undefined) return structuredClone(found) as T | undefined;
    const used = { pods: `${this.pods(`${ref.metadata.namespace}/`).length}` };
    const hard = this.#inForce.get(idOf(ref));
    const status = hard && { hard, used };
    return structuredClone({ ...found, status }) as KubernetesObject as T;
  };

  readonly apply = async <T extends KubernetesObject>(object: T): Promise<T> => {
    const id = idOf(object);
    await this.#call(`apply ${id}`);
    const { namespace } = object.metadata ?? {};
    if (namespace !== undefined && !this.objects.has(`Namespace//${namespace}`))
      throw refusal(404, `namespaces "${namespace}" not found`);
    const before = this.objects.get(id);
    if (object.kind === 'Pod' && before === undefined && this.#roomIn(namespace ?? '') <= 0)
      throw refusal(403, `exceeded quota: ${QUOTA}`);
    const uid = before?.metadata?.uid ?? `uid-${++this.#uids}`;
    const after = { ...object, metadata: { ...object.metadata, uid } };
    this.objects.set(id, after);
    if (this.isCounting) this.count();
    this.#control();
    return structuredClone(after);
  };

  /** Has all quotas be in force as they were put. */
  count(): void {
    this.#inForce.clear();
    for (const [id, object] of this.objects)
      if (object.kind === 'ResourceQuota')
        this.#inForce.set(id, structuredClone((object as V1ResourceQuota).spec?.hard ?? {}));
  }

  readonly find = async <T extends KubernetesObject>(path: string): Promise<T | undefined> => {
    await this.#call(`read ${idOf(identityIn(path))}`);
    return structuredClone(this.objects.get(idOf(identityIn(path)))) as T | undefined;
  };

  readonly remove = async (path: string): Promise<void> => {
    await this.delete(identityIn(path) as ObjectRef);
  };

  readonly replay = (replay: Replay, as: Impersonated): Promise<Reply> =>
    answered(async () => {
      const { kind, metadata } = identityIn(replay.path);
      const ref = { kind, metadata: { ...metadata, name: replay.name } } as ObjectRef;
      const before = this.objects.get(idOf(ref));
      if (replay.method !== 'DELETE') return this.apply(objectAfter(replay, as, before));
      await this.delete(ref);
      return { kind: 'Status', status: 'Success' };
    });

  readonly delete = async (ref: ObjectRef): Promise<void> => {
    await this.#call(`delete ${idOf(ref)}`);
    const { name } = ref.metadata;
    if (this.isSlow && ref.kind === 'Namespace') return this.#terminate(ref);
    for (const [id, { metadata }] of this.objects)
      if (id === idOf(ref) || (ref.kind === 'Namespace' && metadata?.namespace === name))
        this.objects.delete(id);
    this.#control();
  };

  readonly deleteAll = async (path: string): Promise<void> => {
    await this.#call(`delete all ${path}`);
    const [, namespace = ''] = /^\/api\/v1\/namespaces\/([^/]+)\/pods$/.exec(path) ?? [];
    for (const id of this.pods(`${namespace}/`)) this.objects.delete(id);
    this.#control();
  };

  readonly list = async () => {
    await this.#call('list');
    return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '1' }, items: [] };
  };

  readonly merge = async (path: string): Promise<void> => this.#call(`merge ${path}`);

  /** A namespace that goes takes its pods last. */
  #terminate(ref: ObjectRef): void {
    const found = this.objects.get(idOf(ref));
    if (found === undefined) return;
    const metadata = { ...found.metadata, deletionTimestamp: new Date() };
    for (const [id, { kind, metadata }] of this.objects)
      if (metadata?.namespace === ref.metadata.name && kind !== 'Pod') this.objects.delete(id);
    this.objects.set(idOf(ref), { ...found, metadata });
  }

  /** Makes the pods of Deployments, as many as there is room for. */
  #control(): void {
    for (const { kind, metadata, spec } of [...this.objects.values()] as V1Deployment[]) {
      if (kind !== 'Deployment') continue;
      const { name, namespace = '' } = metadata ?? {};
      let room = this.#roomIn(namespace);
      for (let index = 0; index < (spec?.replicas ?? 1) && room > 0; index += 1) {
        const id = `Pod/${namespace}/${name}-${index}`;
        if (this.objects.has(id)) continue;
        this.objects.set(id, { kind: 'Pod', metadata: { name: `${name}-${index}`, namespace } });
        room -= 1;
      }
    }
  }

  #roomIn(namespace: string): number {
    const { pods: most } = this.#inForce.get(`ResourceQuota/${namespace}/${QUOTA}`) ?? {};
    return Number(most ?? Number.POSITIVE_INFINITY) - this.pods(`${namespace}/`).length;
  }

  async #call(what: string): Promise<void> {
    await undefined; // another change may come in between, as it does over a network
    this.calls.push(what);
    this.onCall(what);
  }
}

function idOf({ kind, metadata }: KubernetesObject | ObjectRef): string {
  return `${kind}/${metadata?.namespace ?? ''}/${metadata?.name}`;
}
