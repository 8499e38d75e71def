import { encodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { RequestEvent } from '@daasvader/enclave/chain/requests.ts';
import type { Statement, Writer } from '@daasvader/enclave/chain/writer.ts';
import type { Transaction } from '@mysten/sui/transactions';

export const OWNER = `0x${'a1'.repeat(32)}`;
const LOG = `0x${'01'.repeat(32)}`;

/** What is asked for: by default a Deployment `web` of the owner's. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly name?: string;
  readonly image?: string;
  readonly owner?: string;
  readonly role?: number;
  readonly manifest?: object;
}

/** A request on chain: `PENDING`, `RUNNING`, or its end, such as `FAILED: reason` or `CANCELLED: 1`. */
interface Entry {
  status: string;
  isOpen: boolean;
  applied?: boolean;
}

/** The scheduler's contract in memory: what it refuses the contract refuses too. Its events go to who listens. */
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
    const { owner = OWNER, role = 2, name = manifest ? '' : 'web', image = manifest ? '' : 'nginx' } = asked;
    this.#requests.set(requestId, { status: 'PENDING', isOpen: true });
    this.#emit('K8sAPIRequestScheduledEvent', requestId, {
      ...{ method, path, name, image, owner, role, requester: owner },
      ...{ labels: '', namespace: 'default', containerName: '', port: '', worker: 'worker-1' },
      manifest: manifest ? [...Buffer.from(JSON.stringify(manifest))] : [],
    });
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

  /** Listens to one enclave, which hears of all events from now on, and to those before it no more. */
  seat(onEvent: (event: RawEvent) => void): Pick<Writer, 'submit'> {
    this.#onEvent = onEvent;
    const seat = ++this.#seats;
    return {
      submit: async ({ label, needed, build }: Statement): Promise<void> => {
        await undefined;
        if (seat !== this.#seats || this.isLost(label)) return new Promise(() => undefined);
        if (needed()) build(this.#transaction());
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
    const moveCall = ({ target, arguments: given }: { target: string; arguments: unknown[] }) => {
      const [requestId, ...values] = given.slice(3, -1);
      this.#call(target.split('::').at(-1) ?? '', requestId as bigint, values);
    };
    return { pure, object: same, moveCall } as unknown as Transaction;
  }

  #call(name: string, requestId: bigint, values: unknown[]): void {
    const entry = this.#entry(requestId);
    const { status, isOpen } = entry;
    const to = (next: Partial<Entry>, isAllowed: boolean) => {
      if (!isAllowed) throw new Error(`EBadTransition: ${name} of a request that is ${status}`);
      Object.assign(entry, { isOpen: false }, next);
    };
    const [first, applied] = values;
    switch (name) {
      case 'start_request':
        to({ status: 'RUNNING', isOpen: true }, status === 'PENDING');
        return this.#emit('RequestStartedEvent', requestId);
      case 'complete_request':
        to({ status: 'COMPLETED' }, isOpen);
        return this.#emit('RequestCompletedEvent', requestId, { resultDigest: [] });
      case 'fail_request':
        to({ status: `FAILED: ${first}`, applied: applied as boolean }, isOpen);
        return this.#emit('RequestFailedEvent', requestId, { reason: first, applied });
      case 'settle_cancelled_request':
        to({ status: `CANCELLED: ${first}` }, status === 'CANCELLED');
        return this.#emit('RequestCancellationSettledEvent', requestId, { outcome: first });
      default:
        throw new Error(`no such function: ${name}`);
    }
  }

  #entry(requestId: bigint): Entry {
    const entry = this.#requests.get(requestId);
    if (!entry) throw new Error(`EUnknownRequest: ${requestId}`);
    return entry;
  }

  #emit(kind: RequestEvent['kind'], requestId: bigint, fields: object = {}): void {
    const seq = this.events.length + 1;
    const bytes = encodeEvent(kind, { logId: LOG, seq, requestId, ...fields } as never);
    const event = { logId: LOG, seq, type: `0xda::k8s_scheduler::${kind}`, bytes };
    this.events.push(event);
    this.#onEvent(event);
  }
}
