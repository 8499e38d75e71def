import { StatusError } from '@daasvader/enclave/kube/api-server.ts';
import type { ObjectRef } from '@daasvader/enclave/kube/kubernetes.ts';
import type { KubernetesObject } from '@kubernetes/client-node';

/** An answer of Kubernetes's that is an error. */
export function refusal(code: number, message: string): StatusError {
  return new StatusError(code, JSON.stringify({ kind: 'Status', code, message }));
}

/** Objects in memory. What goes wrong, and how long a deleted object stays, is for the test to say. */
export class FakeKubernetes {
  readonly objects = new Map<string, KubernetesObject>();
  readonly calls: string[] = [];
  /** Whether it answers. */
  isThere = true;
  /** Whether it says that it serves. */
  isWell = true;
  /** Whether deleted objects stay until {@link sweep}, as pods do that take their time. */
  isSlow = false;
  /** Called before each write takes effect; may throw, or wait. */
  onWrite: (what: string, object: object) => unknown = () => undefined;
  /** Called after each write has taken effect, instead of the answer when it throws. */
  onWritten: (what: string) => unknown = () => undefined;
  #uids = 0;

  readonly isReady = async (): Promise<boolean> => this.isThere && this.isWell;

  readonly read = async <T extends KubernetesObject>(ref: ObjectRef): Promise<T | undefined> => {
    this.#assertThere();
    return structuredClone(this.objects.get(idOf(ref))) as T | undefined;
  };

  readonly apply = async <T extends KubernetesObject>(object: T): Promise<T> => {
    await this.#write(`apply ${idOf(object)}`, object);
    const before = this.objects.get(idOf(object))?.metadata;
    const generation = (before?.generation ?? 0) + 1;
    const metadata = { ...object.metadata, uid: before?.uid ?? `uid-${++this.#uids}`, generation };
    const after = { ...object, metadata };
    this.objects.set(idOf(object), after);
    await this.onWritten(`apply ${idOf(object)}`);
    return structuredClone(after);
  };

  readonly delete = async (ref: ObjectRef, uid?: string): Promise<void> => {
    await this.#write(`delete ${idOf(ref)}`, ref);
    const found = this.objects.get(idOf(ref));
    if (found && (uid === undefined || found.metadata?.uid === uid)) {
      if (this.isSlow) found.metadata = { ...found.metadata, deletionTimestamp: new Date() };
      else this.objects.delete(idOf(ref));
    }
    await this.onWritten(`delete ${idOf(ref)}`);
  };

  /** Ends what was deleted. */
  sweep(): void {
    for (const [id, { metadata }] of this.objects) if (metadata?.deletionTimestamp) this.objects.delete(id);
  }

  #assertThere(): void {
    if (!this.isThere) throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  }

  async #write(what: string, object: object): Promise<void> {
    this.calls.push(what);
    this.#assertThere();
    await this.onWrite(what, object);
  }
}

function idOf({ kind, metadata }: KubernetesObject | ObjectRef): string {
  return `${kind}/${metadata?.name}`;
}
