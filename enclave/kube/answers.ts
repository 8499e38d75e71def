import { EventEmitter, once } from 'node:events';
import { userOf } from '@daasvader/verifier/user.ts';
import type { Request } from '../chain/requests.ts';

/** What Kubernetes answered to an order when it was replayed. */
export interface Answer {
  /** HTTP status. */
  readonly status: number;
  /** The texts of its Warning headers, RFC 9110 quoting undone. */
  readonly warnings: readonly string[];
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Whose order an answer is to. */
export type Asked = Pick<Request, 'requestId' | 'requester' | 'owner'>;

/** What is kept, and for how long. */
export interface AnswerLimits {
  /** Of one answer's body, in bytes; of a larger one only that it was too large is kept. */
  readonly body: number;
  /** Answers to orders in one owner's namespaces, and bytes of their bodies together. */
  readonly perOwner: number;
  readonly bytesPerOwner: number;
  /** Bytes of all. */
  readonly bytes: number;
  readonly keptMs: number;
  /** Questions of one user that wait at once; more are answered as it is now. */
  readonly waitingPerUser: number;
}

const LIMITS: AnswerLimits = {
  body: 1 << 20,
  perOwner: 32,
  bytesPerOwner: 4 << 20,
  bytes: 128 << 20,
  keptMs: 600_000,
  waitingPerUser: 16,
};

interface Kept {
  readonly asked: Asked;
  readonly answer: Answer;
  readonly atMs: number;
}

/** The last answers of Kubernetes to orders, for those who asked for them. In memory alone: a restart forgets them. */
export class Answers {
  readonly #requests: { get(requestId: bigint): Asked | undefined };
  readonly #limits: AnswerLimits;
  readonly #now: () => number;
  /** Oldest first. */
  readonly #kept = new Map<bigint, Kept>();
  /** Named by the number of the order that was answered. */
  readonly #recorded = new EventEmitter().setMaxListeners(0);
  readonly #waiting = new Map<string, number>();

  /**
   * @param requests those that have not ended
   * @param now a clock in ms that nobody sets
   */
  constructor(
    requests: { get(requestId: bigint): Asked | undefined },
    limits: AnswerLimits = LIMITS,
    now: () => number = () => performance.now(),
  ) {
    this.#requests = requests;
    this.#limits = limits;
    this.#now = now;
  }

  /** Keeps an answer, in place of an earlier one to the same order; the oldest make room for it. */
  record({ requestId, requester, owner }: Asked, answer: Answer): void {
    this.#kept.delete(requestId);
    const kept = { asked: { requestId, requester, owner }, answer: this.#bounded(answer), atMs: this.#now() };
    this.#kept.set(requestId, kept);
    this.#makeRoom(owner);
    this.#recorded.emit(`${requestId}`);
  }

  /**
   * The answer to an order.
   *
   * @param user as Kubernetes knows who asks: the requester or the owner of the namespace
   * @param waitMs how long to wait for it
   * @returns `pending` when the order has not ended; undefined when it is not known (any more), or of somebody else
   */
  async of(requestId: bigint, user: string, waitMs: number): Promise<Answer | 'pending' | undefined> {
    const now = this.#find(requestId, user);
    const mayCome = now === 'pending' || (now === undefined && this.#whoseIs(requestId) === undefined);
    if (!mayCome || waitMs <= 0) return now;
    await this.#wait(requestId, user, waitMs);
    return this.#find(requestId, user);
  }

  #find(requestId: bigint, user: string): Answer | 'pending' | undefined {
    this.#forgetOld();
    const asked = this.#whoseIs(requestId);
    if (asked === undefined || ![asked.requester, asked.owner].map(userOf).includes(user)) return undefined;
    return this.#kept.get(requestId)?.answer ?? 'pending';
  }

  #whoseIs(requestId: bigint): Asked | undefined {
    return this.#kept.get(requestId)?.asked ?? this.#requests.get(requestId);
  }

  /** Whoever sends an order may ask before the chain has told of it: so also for what is not known yet. */
  async #wait(requestId: bigint, user: string, waitMs: number): Promise<void> {
    const waiting = this.#waiting.get(user) ?? 0;
    if (waiting >= this.#limits.waitingPerUser) return;
    this.#waiting.set(user, waiting + 1);
    const late = AbortSignal.timeout(waitMs);
    await once(this.#recorded, `${requestId}`, { signal: late }).catch(() => undefined);
    this.#leave(user);
  }

  #leave(user: string): void {
    const waiting = (this.#waiting.get(user) ?? 1) - 1;
    if (waiting > 0) this.#waiting.set(user, waiting);
    else this.#waiting.delete(user);
  }

  #forgetOld(): void {
    for (const [requestId, { atMs }] of this.#kept) {
      if (this.#now() - atMs < this.#limits.keptMs) break;
      this.#kept.delete(requestId);
    }
  }

  #makeRoom(owner: string): void {
    this.#forgetOld();
    const { perOwner, bytesPerOwner, bytes } = this.#limits;
    const own = [...this.#kept.values()].filter(({ asked }) => asked.owner === owner);
    this.#dropOldest(own, (count, size) => count <= perOwner && size <= bytesPerOwner);
    this.#dropOldest([...this.#kept.values()], (_, size) => size <= bytes);
  }

  /** Drops from the front of `kept` until what is left fits. */
  #dropOldest(kept: readonly Kept[], fits: (count: number, bytes: number) => boolean): void {
    let size = kept.reduce((sum, { answer }) => sum + sizeOf(answer), 0);
    for (const [at, { asked, answer }] of kept.entries()) {
      if (fits(kept.length - at, size)) return;
      this.#kept.delete(asked.requestId);
      size -= sizeOf(answer);
    }
  }

  #bounded(answer: Answer): Answer {
    const { body } = this.#limits;
    if (sizeOf(answer) <= body) return answer;
    const isGood = answer.status < 300;
    const message = `The answer has more than ${body} bytes; read the object`;
    return { ...statusAnswer(answer.status, isGood ? '' : 'Unknown', message), warnings: [] };
  }
}

/**
 * An answer as Kubernetes gives it where there is no object: metav1.Status.
 *
 * @param reason such as `Forbidden`; empty for success
 */
export function statusAnswer(status: number, reason: string, message: string): Answer {
  const body = {
    ...{ kind: 'Status', apiVersion: 'v1', metadata: {} },
    status: status < 300 ? 'Success' : 'Failure',
    ...{ message, ...(reason !== '' && { reason }), code: status },
  };
  return { status, warnings: [], contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}

function sizeOf({ body, warnings }: Answer): number {
  return body.length + warnings.reduce((sum, text) => sum + text.length, 0);
}
