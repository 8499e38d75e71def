import { z } from 'zod';
import { formatSui } from '../output.ts';
import { answeredTo } from './answered.ts';
import type { Chain, Ordered } from './chain.ts';
import type { Consent } from './consent.ts';
import { type ClientRequest, targetOf } from './route.ts';
import { type Answer, answerTo, statusAnswer } from './status.ts';
import type { Upstream } from './upstream.ts';
import { wholeAnswer } from './warning.ts';

/** How long an order may take, from its transaction to its answer. */
const DEADLINE_MS = 60_000;

const named = z.object({ metadata: z.object({ name: z.string(), generateName: z.string().optional() }) });

/** What orders are given with. */
export interface OrdersOptions {
  upstream: Upstream;
  chain: Chain;
  consent: Consent;
  deadlineMs?: number;
}

/** What came of trying a request. */
interface Tried {
  /** Kubernetes's answer when it would not be done. */
  refusal?: Answer;
  /** Of the object; undefined when Kubernetes makes one up. */
  name?: string | undefined;
}

/** Carries writes out through the chain: tried first, then signed, then answered as Kubernetes answered. */
export class Orders {
  readonly #options: Required<OrdersOptions>;
  /** A wallet signs one thing after the other, or its transactions would spend the same coin. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: OrdersOptions) {
    this.#options = { deadlineMs: DEADLINE_MS, ...options };
  }

  /**
   * @param query of the order
   * @param signal fires when nobody waits for it any more: from then on nothing is signed
   * @returns Kubernetes's answer, to the try when that was refused
   */
  async carryOut(request: ClientRequest, query: string, signal: AbortSignal): Promise<Answer> {
    const isDeletion = request.method === 'DELETE';
    const tried = await (isDeletion ? this.#find(request, signal) : this.#try(request, query, signal));
    if (tried.refusal !== undefined) return tried.refusal;
    const fee = await this.#options.chain.fee();
    const order = () => this.#order(request, { query, fee, name: tried.name }, signal);
    const { requestId, gas } = await this.#inTurn(order);
    const answer = (await this.#answer(request, requestId)) ?? this.#late(requestId);
    const price = `daas: request ${requestId}, fee ${formatSui(fee)}, gas ${formatSui(gas)}`;
    return { ...answer, warnings: [...answer.warnings, price] };
  }

  /** What is not there costs nothing to delete. A deletion is never tried: Kubernetes might carry it out. */
  async #find({ path }: ClientRequest, signal: AbortSignal): Promise<Tried> {
    const { response, body } = await this.#options.upstream.askWhole({ method: 'GET', path, signal });
    return response.statusCode === 404 ? { refusal: wholeAnswer(response, body) } : {};
  }

  async #try(request: ClientRequest, query: string, signal: AbortSignal): Promise<Tried> {
    const { method, path, contentType, body } = request;
    const trying = new URLSearchParams(query);
    trying.set('fieldValidation', 'Strict');
    trying.set('dryRun', 'All');
    const headers = {
      'content-type': contentType,
      'content-length': body.length,
      accept: 'application/json',
    };
    const asking = { method, path: `${path}?${trying}`, headers, body, signal };
    const { response, body: said } = await this.#options.upstream.askWhole(asking);
    if ((response.statusCode ?? 0) >= 300) return { refusal: wholeAnswer(response, said) };
    const { data } = named.safeParse(JSON.parse(said.toString('utf8')));
    const isMadeUp = method === 'POST' && data?.metadata.generateName !== undefined;
    return { name: isMadeUp ? undefined : data?.metadata.name };
  }

  async #order(
    request: ClientRequest,
    { query, fee, name }: { query: string; fee: bigint; name: string | undefined },
    signal: AbortSignal,
  ): Promise<Ordered> {
    const { chain, consent } = this.#options;
    const { method, path, contentType, body } = request;
    signal.throwIfAborted();
    const ordered = await chain.order({ method, path, query, contentType, body, name }, async (gasBudget) => {
      await consent.ask(describe(request, name), { fee, gasBudget }, signal);
      signal.throwIfAborted();
    });
    consent.spent(fee + ordered.gas);
    return ordered;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined); // who asked for it is told
    return result;
  }

  #answer(request: ClientRequest, requestId: bigint): Promise<Answer | undefined> {
    const { upstream, deadlineMs } = this.#options;
    const signal = AbortSignal.timeout(deadlineMs);
    return answeredTo(upstream, requestId, () => this.#look(request, requestId), signal).catch(answerTo);
  }

  /** What became of an order whose answer the enclave does not have (any more). */
  async #look({ method, path }: ClientRequest, requestId: bigint): Promise<Answer | undefined> {
    const row = await this.#options.chain.look(requestId);
    if (row?.status === 'CANCELLED') return statusAnswer(409, `daas: request ${requestId} was cancelled`);
    if (row?.status === 'FAILED' && !row.applied) return statusAnswer(400, row.reason);
    if (row?.status !== 'COMPLETED' && row?.status !== 'FAILED') return undefined;
    if (method === 'POST' || method === 'DELETE') return statusAnswer(200, 'done');
    const { response, body } = await this.#options.upstream.askWhole({ method: 'GET', path });
    return wholeAnswer(response, body);
  }

  #late(requestId: bigint): Answer {
    const seconds = this.#options.deadlineMs / 1_000;
    const message = `daas: request ${requestId} is on chain and was not carried out within ${seconds} s; daas requests ${requestId} tells what becomes of it, daas cancel ${requestId} calls it off`;
    return statusAnswer(504, message);
  }
}

/** For people: `PATCH deployments/web/scale in u-…`. */
function describe({ method, path }: ClientRequest, name: string | undefined): string {
  const target = targetOf(path);
  const parts = [target?.resource, target?.name ?? name, target?.subresource];
  return `${method} ${parts.filter((part) => part !== undefined).join('/')} in ${target?.namespace}`;
}
