import type { Act } from '@daasvader/chain/calls/operator.ts';
import { type EventKind, encodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { Statement, Writer } from '@daasvader/enclave/chain/writer.ts';
import type { Transaction } from '@mysten/sui/transactions';

export const OWNER = `0x${'a1'.repeat(32)}`;
const LOG = `0x${'01'.repeat(32)}`;
/** Stands for what a transaction of the operator's begins with. */
const ACT = '' as unknown as Act;

/** What is asked for: by default a Deployment `web` of the owner's, by flat arguments; with a manifest, a Kubernetes request. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly name?: string;
  readonly image?: string;
  readonly owner?: string;
  readonly role?: number;
  readonly query?: string;
  readonly contentType?: string;
  readonly manifest?: object;
}

/** A request on chain: `PENDING`, `RUNNING`, or its end, such as `FAILED: reason` or `CANCELLED: 1`. */
interface Entry {
  status: string;
  isOpen: boolean;
  applied?: boolean;
  workers?: readonly string[];
}

/**
 * The scheduler's contract in memory: what is a level there is one here, and does nothing where it does not apply. Its
 * events go to who listens.
 */
export class FakeChain {
  readonly events: RawEvent[] = [];
  readonly #requests = new Map<bigint, Entry>();
  #onEvent: (event: RawEvent) => void = () => undefined;
  #seats = 0;
  /** Whether a statement with this label gets lost on its way. */
  isLost: (label: string) => boolean = () => false;

  /** @returns the request's number */
  ask(asked: Asked = {}): bigint {
    const requestId = BigInt(this.#requests.size + 1);
    const { method = 'POST', path = '/apis/apps/v1/namespaces/default/deployments', manifest } = asked;
    const { owner = OWNER, role = 2, name = 'web', image = 'nginx' } = asked;
    this.#requests.set(requestId, { status: 'PENDING', isOpen: true });
    const common = { method, path, owner, role, requester: owner, namespace: 'default' };
    if (manifest === undefined) {
      const flat = { ...common, name, image, labels: '', containerName: '', port: '' };
      this.#emit('K8sAPIRequestScheduledEvent', requestId, flat);
    } else {
      const { query = '', contentType = 'application/json' } = asked;
      const pieces = [[...Buffer.from(JSON.stringify(manifest))]];
      const whole = { ...common, query, contentType, body: pieces, digest: [], size: 0, blobId: [] };
      this.#emit('KubernetesRequestEvent', requestId, whole);
    }
    return requestId;
  }

  cancel(requestId: bigint): void {
    const entry = this.#entry(requestId);
    if (!entry.isOpen) throw new Error(`request ${requestId} has ended: ${entry.status}`);
    Object.assign(entry, { status: 'CANCELLED', isOpen: false });
    this.#emit('RequestCancelledEvent', requestId);
  }

  status(requestId: bigint): string {
    return this.#entry(requestId).status;
  }

  /** Whether what a failed request asked for is in the cluster, as the enclave said. */
  applied(requestId: bigint): boolean | undefined {
    return this.#entry(requestId).applied;
  }

  /** Where a request runs, as the enclave said. */
  workers(requestId: bigint): readonly string[] {
    return this.#entry(requestId).workers ?? [];
  }

  /** Listens to one enclave, which hears of all events from now on, and to those before it no more. */
  seat(onEvent: (event: RawEvent) => void): Pick<Writer, 'submit'> {
    this.#onEvent = onEvent;
    const seat = ++this.#seats;
    return {
      submit: async ({ label, needed, build }: Statement): Promise<void> => {
        await undefined;
        if (seat !== this.#seats || this.isLost(label)) return new Promise(() => undefined);
        if (needed()) build(this.#transaction(), ACT);
      },
    };
  }

  /** Nobody hears of what happens, until another enclave is in the seat. */
  unseat(): void {
    this.seat(() => undefined);
  }

  #transaction(): Transaction {
    const same = <T>(value: T) => value;
    const pure = {
      u64: same,
      u8: same,
      bool: same,
      string: same,
      vector: (_: string, value: unknown) => value,
    };
    // (scheduler, act, request, …values, clock)
    const moveCall = ({ target, arguments: given }: { target: string; arguments: unknown[] }) => {
      const [requestId, ...values] = given.slice(2, -1);
      this.#call(target.split('::').at(-1) ?? '', requestId as bigint, values);
    };
    return { pure, object: same, moveCall } as unknown as Transaction;
  }

  /** Each says a level: where it does not apply, nothing happens. */
  #call(name: string, requestId: bigint, [first, applied]: unknown[]): void {
    const entry = this.#requests.get(requestId);
    if (!entry) return;
    const { status, isOpen } = entry;
    const end = (next: Partial<Entry>) => Object.assign(entry, { isOpen: false }, next);
    if (name === 'start_request' && status === 'PENDING') {
      entry.status = 'RUNNING';
      this.#emit('RequestStartedEvent', requestId);
    } else if (name === 'assign_worker' && isOpen) {
      for (const nodeId of first as string[]) this.#assign(requestId, entry, nodeId);
    } else if (name === 'complete_request' && isOpen) {
      end({ status: 'COMPLETED' });
      this.#emit('RequestCompletedEvent', requestId, { resultDigest: [] });
    } else if (name === 'fail_request' && isOpen) {
      end({ status: `FAILED: ${first}`, applied: applied as boolean });
      this.#emit('RequestFailedEvent', requestId, { reason: first, applied });
    } else if (name === 'settle_cancelled_request' && status === 'CANCELLED') {
      end({ status: `CANCELLED: ${first}` });
      this.#emit('RequestCancellationSettledEvent', requestId, { outcome: first });
    }
  }

  #assign(requestId: bigint, entry: Entry, nodeId: string): void {
    const workers = entry.workers ?? [];
    if (workers.includes(nodeId)) return;
    entry.workers = [...workers, nodeId];
    this.#emit('WorkerAssignedEvent', requestId, { nodeId });
  }

  #entry(requestId: bigint): Entry {
    const entry = this.#requests.get(requestId);
    if (!entry) throw new Error(`EUnknownRequest: ${requestId}`);
    return entry;
  }

  #emit(kind: EventKind, requestId: bigint, fields: object = {}): void {
    const seq = this.events.length + 1;
    const bytes = encodeEvent(kind, { logId: LOG, seq, requestId, ...fields, atMs: 0 } as never);
    const event = { logId: LOG, seq, type: `0xda::k8s_scheduler::${kind}`, bytes };
    this.events.push(event);
    this.#onEvent(event);
  }
}
