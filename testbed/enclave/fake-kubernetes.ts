import type { Impersonated, Reply } from '@daasvader/enclave/kube/api-server.ts';
import type { Replay } from '@daasvader/enclave/kube/replay.ts';
import type { KubernetesObject } from '@kubernetes/client-node';
import { answered, identityIn, objectAfter, refusal, verbOf } from './fake-api.ts';

export { refusal } from './fake-api.ts';

/** Objects in memory. What goes wrong, and how long a deleted object stays, is for the test to say. */
export class FakeKubernetes {
  readonly objects = new Map<string, KubernetesObject>();
  readonly calls: string[] = [];
  /** In whose name each was asked for. */
  readonly callers: Impersonated[] = [];
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

  readonly find = async <T extends KubernetesObject>(path: string): Promise<T | undefined> => {
    this.#assertThere();
    return structuredClone(this.objects.get(idOf(identityIn(path)))) as T | undefined;
  };

  readonly remove = async (path: string, uid: string): Promise<void> => {
    await this.#write('delete', idOf(identityIn(path)), async (id) => {
      if (this.objects.get(id)?.metadata?.uid === uid) this.#end(id);
      return {};
    });
  };

  readonly replay = (replay: Replay, as: Impersonated): Promise<Reply> => {
    this.callers.push(as);
    const id = `${identityIn(replay.path).kind}/${replay.name}`;
    const isNew = replay.method !== 'DELETE' && !this.objects.has(id);
    return answered(
      () => this.#write(verbOf(replay), id, () => this.#change(id, replay, as), replay.body),
      isNew ? 201 : 200,
    );
  };

  /** Ends what was deleted. */
  sweep(): void {
    for (const [id, { metadata }] of this.objects) if (metadata?.deletionTimestamp) this.objects.delete(id);
  }

  async #change(id: string, replay: Replay, as: Impersonated): Promise<object> {
    const before = this.objects.get(id);
    if (replay.method === 'DELETE') {
      if (before === undefined) throw refusal(404, `"${replay.name}" not found`, { reason: 'NotFound' });
      this.#end(id);
      return { kind: 'Status', status: 'Success' };
    }
    const object = objectAfter(replay, as, before);
    const generation = (before?.metadata?.generation ?? 0) + 1;
    const uid = before?.metadata?.uid ?? `uid-${++this.#uids}`;
    const after = { ...object, metadata: { ...object.metadata, uid, generation } };
    this.objects.set(id, after);
    return after;
  }

  #end(id: string): void {
    const found = this.objects.get(id);
    if (found && this.isSlow) found.metadata = { ...found.metadata, deletionTimestamp: new Date() };
    else this.objects.delete(id);
  }

  #assertThere(): void {
    if (!this.isThere) throw new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
  }

  async #write(
    verb: string,
    id: string,
    change: (id: string) => Promise<object>,
    body?: Uint8Array,
  ): Promise<object> {
    const what = `${verb} ${id}`;
    this.calls.push(what);
    this.#assertThere();
    await this.onWrite(what, body === undefined ? {} : JSON.parse(Buffer.from(body).toString()));
    const after = structuredClone(await change(id));
    await this.onWritten(what);
    return after;
  }
}

function idOf({ kind, metadata }: KubernetesObject): string {
  return `${kind}/${metadata?.name}`;
}
