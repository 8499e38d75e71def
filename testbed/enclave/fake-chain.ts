import type { Act } from '@daasvader/chain/calls/operator.ts';
import { ROLE } from '@daasvader/chain/codes.ts';
import { type EventKind, encodeEvent } from '@daasvader/chain/events.ts';
import type { RawEvent } from '@daasvader/chain/log.ts';
import type { Statement, Writer } from '@daasvader/enclave/chain/writer.ts';
import type { Transaction } from '@mysten/sui/transactions';

export const OWNER = `0x${'a1'.repeat(32)}`;
const LOG = `0x${'01'.repeat(32)}`;
/** Stands for what a transaction of the operator's begins with. */
const ACT = '' as unknown as Act;

/** The stakes of roles at first, from the viewer's to the super's. */
const STAKES = [1, 4, 10, 20] as const;
const ROLE_STAKES = { viewer: STAKES[0], developer: STAKES[1], admin: STAKES[2], super: STAKES[3] };

/** What is asked for: by default a Deployment `web` of the owner's, in the first namespace. */
export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly contentType?: string;
  readonly name?: string;
  readonly image?: string;
  readonly owner?: string;
  /** Another than the owner. */
  readonly requester?: string;
  readonly namespace?: string;
  /** Sent as the body; the other fields beside the path are none then. */
  readonly manifest?: object;
  /** Sent as the body, byte for byte. */
  readonly body?: Uint8Array;
  /** What is sent instead of a body. */
  readonly digest?: Uint8Array;
  /** Of what that is of, in bytes. */
  readonly size?: number;
}

/** A request on chain: `PENDING`, `RUNNING`, or its end, such as `FAILED: reason` or `CANCELLED: 1`. */
interface Entry {
  status: string;
  isOpen: boolean;
  applied?: boolean;
  workers?: readonly string[];
}

/**
 * The contracts of orders and stakes in memory: what is a level there is one here, and does nothing where it does not
 * apply. Their events go to who listens. Whoever orders without a stake is given a developer's first.
 */
export class FakeChain {
  readonly events: RawEvent[] = [];
  #nowMs = 1_000;
  #onTime: (nowMs: number) => void = () => undefined;
  readonly #stakes = new Map<string, number>();
  readonly #requests = new Map<bigint, Entry>();
  #onEvent: (event: RawEvent) => void = () => undefined;
  #seats = 0;
  /** Whether a statement with this label gets lost on its way. */
  isLost: (label: string) => boolean = () => false;

  constructor() {
    const times = { proposedAtMs: 0, effectiveAtMs: 0 };
    this.#tell('RoleStakesProposedEvent', { roleStakes: ROLE_STAKES, ...times });
  }

  /** Lets time pass, which a heartbeat tells. */
  pass(ms: number): void {
    this.#nowMs += ms;
    this.#onTime(this.#nowMs);
  }

  /** Stakes what a role takes, or asks back what is above that. @param role one of `ROLE` */
  hold(role: number, user = OWNER): void {
    const [before = 0, total] = [this.#stakes.get(user), role === 0 ? 0 : STAKES[role - 1]!];
    this.#stakes.set(user, total);
    const kind = total < before ? 'UserWithdrawRequestedEvent' : 'UserStakedEvent';
    this.#tell(kind, { user, amount: Math.abs(total - before), total, role, atMs: this.#nowMs });
  }

  /** Pays out everything. */
  withdraw(user = OWNER): void {
    this.#tell('UserWithdrawnEvent', { user, amount: 1 });
  }

  claim(namespace: string, owner = OWNER): void {
    this.#tell('NamespaceClaimedEvent', { owner, namespace, atMs: this.#nowMs });
  }

  release(namespace: string, owner = OWNER): void {
    this.#tell('NamespaceReleasedEvent', { owner, namespace });
  }

  grant(role: number, user: string, namespace: string, owner = OWNER): void {
    this.#tell('RoleGrantedEvent', { owner, namespace, user, role });
  }

  /** @returns the request's number */
  ask(asked: Asked = {}): bigint {
    const requestId = BigInt(this.#requests.size + 1);
    const { owner = OWNER, requester = owner, namespace = 'default' } = asked;
    const { method = 'POST', path = `/apis/apps/v1/namespaces/${namespace}/deployments` } = asked;
    if (!this.#stakes.has(owner)) this.hold(ROLE.developer, owner);
    this.#requests.set(requestId, { status: 'PENDING', isOpen: true });
    const about = { method, path, namespace, owner, requester, role: ROLE.developer, atMs: this.#nowMs };
    if (isFlat(asked)) {
      const { name = 'web', image = 'nginx' } = asked;
      const flat = { name, image, labels: '', containerName: '', port: '' };
      this.#emit('K8sAPIRequestScheduledEvent', requestId, { ...about, ...flat });
    } else {
      const { query = '', contentType = 'application/json', digest = new Uint8Array(), size = 0 } = asked;
      const body = piecesOf(bodyOf(asked));
      const rest = { query, contentType, body, digest, size, blobId: digest };
      this.#emit('KubernetesRequestEvent', requestId, { ...about, ...rest });
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

  /** Listens to one enclave, which hears of all events and the time from now on, and to those before it no more. */
  seat(
    onEvent: (event: RawEvent) => void,
    onTime: (nowMs: number) => void = () => undefined,
  ): Pick<Writer, 'submit'> {
    this.#onEvent = onEvent;
    this.#onTime = onTime;
    onTime(this.#nowMs);
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
    this.#tell(kind, { requestId, ...fields });
  }

  #tell(kind: EventKind, fields: object): void {
    const seq = this.events.length + 1;
    const bytes = encodeEvent(kind, { logId: LOG, seq, ...fields } as never);
    const event = { logId: LOG, seq, type: `0xda::contracts::${kind}`, bytes };
    this.events.push(event);
    this.#onEvent(event);
  }
}

function isFlat({ manifest, body, digest, query }: Asked): boolean {
  return manifest === undefined && body === undefined && digest === undefined && query === undefined;
}

function bodyOf({ manifest, body = new Uint8Array() }: Asked): Uint8Array {
  return manifest === undefined ? body : Buffer.from(JSON.stringify(manifest));
}

/** As a transaction carries them. */
function piecesOf(body: Uint8Array): number[][] {
  if (body.length === 0) return [];
  const half = Math.ceil(body.length / 2);
  return [body.subarray(0, half), body.subarray(half)].map((piece) => [...piece]);
}
