import type { V1ConfigMap } from '@kubernetes/client-node';
import { MAX_CERTIFICATE_SECONDS } from './csr.ts';
import type { Kubernetes } from './kubernetes.ts';

/** The ConfigMap in `kube-system` whose keys are the names of those kept out; the API server watches it. */
export const REVOKED_NODES = 'revoked-nodes';
/** The longest that a certificate signed before the fence closed can still be good, with an hour for clocks. */
const KEPT_MS = (MAX_CERTIFICATE_SECONDS + 3_600) * 1_000;

/**
 * Who is kept out although its certificate still lives. The API server reads the list from a ConfigMap, refuses whom
 * it names and cuts the connections that they have open. A name stays until every certificate of before is dead, so
 * that the list cannot grow without end.
 */
export class Fence {
  readonly #kubernetes: Pick<Kubernetes, 'apply'>;
  readonly #now: () => number;
  readonly #closedAt = new Map<string, number>();
  #turn: Promise<void> = Promise.resolve();
  #isWritten = true;

  constructor(kubernetes: Pick<Kubernetes, 'apply'>, now: () => number = Date.now) {
    this.#kubernetes = kubernetes;
    this.#now = now;
  }

  /** Keeps a node out and ends what it has running. */
  async close(nodeId: string): Promise<void> {
    this.#closedAt.set(nodeId, this.#now());
    await this.#write();
  }

  /** Lets a node in again. */
  async open(nodeId: string): Promise<void> {
    if (this.#closedAt.delete(nodeId) || !this.#isWritten) await this.#write();
  }

  /** One write after the other, each of all names as of then: the last one written is the last one said. */
  #write(): Promise<void> {
    const next = this.#turn.then(async () => {
      this.#isWritten = false;
      await this.#kubernetes.apply(this.#list());
      this.#isWritten = true;
    });
    this.#turn = next.catch(() => undefined); // the caller is told, and tries again
    return next;
  }

  #list(): V1ConfigMap {
    const deadSince = this.#now() - KEPT_MS;
    for (const [nodeId, at] of this.#closedAt) if (at < deadSince) this.#closedAt.delete(nodeId);
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: REVOKED_NODES, namespace: 'kube-system' },
      data: Object.fromEntries([...this.#closedAt.keys()].map((nodeId) => [nodeId, ''])),
    };
  }
}
