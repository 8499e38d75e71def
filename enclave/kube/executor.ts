import type { OperatorIds } from '@daasvader/chain/calls/operator.ts';
import { Report } from '../chain/report.ts';
import type { Request } from '../chain/requests.ts';
import type { Writer } from '../chain/writer.ts';
import { Order, type OrderOptions } from './order.ts';
import { RETRY_LIMITS, type RetryLimits } from './retry.ts';
import { Turns } from './turns.ts';

/** What carrying out requests needs. */
export interface ExecutorOptions extends Omit<OrderOptions, 'report' | 'turns' | 'limits'> {
  readonly writer: Pick<Writer, 'submit'>;
  readonly seat: OperatorIds;
  readonly limits?: RetryLimits;
}

/**
 * Carries out requests. Those of one owner make their first attempt one after the other, deletions among themselves;
 * what has to be tried again holds up only later ones for the same object. While the chain's word is old, requests wait.
 */
export class Executor {
  readonly #options: OrderOptions;
  /** Orders whose end the chain has not told, by the number of their request. */
  readonly #orders = new Map<bigint, Order>();
  /** The last order of each object that has one. */
  readonly #last = new Map<string, Order>();
  readonly #lanes = new Turns();

  constructor({ writer, seat, limits = RETRY_LIMITS, ...options }: ExecutorOptions) {
    const report = new Report({ writer, seat, requests: options.state.requests });
    this.#options = { ...options, limits, report, turns: new Turns() };
  }

  /** Resolves when of each request that is here now the first attempt was made, or it waits for another one. */
  get tried(): Promise<unknown> {
    return Promise.all([...this.#orders.values()].map(({ tried }) => tried));
  }

  /** Takes a request. */
  submit(request: Request): void {
    if (this.#orders.has(request.requestId)) return;
    const order = new Order(request, this.#options, (object) => this.#last.get(object));
    this.#enter(order);
    const turn = Promise.withResolvers<void>();
    const next = () => {
      turn.resolve();
      return order.tried;
    };
    const lane = order.isDeletion ? `deletions of ${request.owner}` : request.owner;
    const work = [this.#lanes.take(lane, next), this.#runAndForget(order, turn.promise)];
    void this.#own(order, Promise.all(work));
  }

  /** Calls off a request that the chain says is cancelled. */
  cancel(requestId: bigint): void {
    const order = this.#orders.get(requestId);
    if (order) void this.#own(order, order.cancel());
  }

  /** Forgets a request whose end the chain has told. */
  ended(requestId: bigint): void {
    const order = this.#orders.get(requestId);
    if (order) this.#leave(order);
  }

  async #runAndForget(order: Order, turn: Promise<void>): Promise<void> {
    await order.run(turn);
    if (this.#options.state.requests.get(order.request.requestId) === undefined) this.#leave(order);
  }

  /** Whatever else goes wrong with an order, it is told, and stops nothing. */
  async #own(order: Order, work: Promise<unknown>): Promise<void> {
    const requestId = `${order.request.requestId}`;
    try {
      await work;
    } catch (error) {
      this.#options.log.error({ requestId, error: String(error) }, 'executor: an order broke off');
    }
  }

  #enter(order: Order): void {
    this.#orders.set(order.request.requestId, order);
    if (order.object !== undefined) this.#last.set(order.object, order);
  }

  /** What comes after it waits for it until nothing before it writes any more, which may be after its own end. */
  #leave(order: Order): void {
    const { object } = order;
    this.#orders.delete(order.request.requestId);
    const clear = () => {
      if (object !== undefined && this.#last.get(object) === order) this.#last.delete(object);
    };
    order.written.then(clear, clear);
  }
}
