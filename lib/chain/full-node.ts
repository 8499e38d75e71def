import { reasonOf } from '@daasvader/program/reason.ts';
import { SuiGrpcClient } from '@mysten/sui/grpc';
import { ChainError } from './error.ts';
import { limitMessages } from './message-limit.ts';

/** How long one whole answer may take. A command that asks a few things at once still answers within 30 s. */
const ANSWER_MS = 20_000;
/** A stream in which nothing comes for so long is over; Sui makes several checkpoints a second, a devnet one in 10 s. */
const SILENCE_MS = 60_000;
const MAX_ANSWER_BYTES = 32 << 20;
/** A checkpoint may hold as much as an answer; mainnet's, with what is asked of them, come at some 4 MiB a second. */
const STREAM = { messageBytes: MAX_ANSWER_BYTES, burstBytes: 64 << 20, bytesPerSecond: 16 << 20 };

/** How a full node is reached, and how patiently. */
export interface FullNodeOptions {
  readonly fetch?: typeof globalThis.fetch;
  /** Calls off whatever is being asked. */
  readonly signal?: AbortSignal | undefined;
  /** For one whole answer. */
  readonly answerMs?: number;
  /** Between two pieces of a stream. */
  readonly silenceMs?: number;
}

/** A client of a full node that cannot keep anybody waiting or fill the memory: every call has an end and a size. */
export function openFullNode(network: string, url: string, options: FullNodeOptions = {}): SuiGrpcClient {
  return new SuiGrpcClient({ network, baseUrl: url, format: 'binary', fetch: boundedFetch(options) });
}

/**
 * A `fetch` for the gRPC-web methods of a full node. An answer comes whole, within its time and size, or the error names
 * the full node and the reason; subscriptions are streams, which may go on for ever, but not in silence.
 */
export function boundedFetch(options: FullNodeOptions = {}): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const callers = [init.signal, options.signal].filter((signal) => signal != null);
    try {
      const ask = isSubscription(url) ? stream : answer;
      return await ask(input, { ...init, signal: AbortSignal.any(callers) }, options);
    } catch (cause) {
      if (callers.some(({ aborted }) => aborted)) throw cause;
      throw new ChainError('unreachable', `Cannot ask the full node ${url.origin}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  };
}

function isSubscription({ pathname }: URL): boolean {
  return pathname.includes('.SubscriptionService/');
}

type Input = Parameters<typeof globalThis.fetch>[0];
type Call = RequestInit & { signal: AbortSignal };

async function answer(input: Input, call: Call, options: FullNodeOptions): Promise<Response> {
  const { fetch = globalThis.fetch, answerMs = ANSWER_MS } = options;
  const late = deadline(answerMs, 'no answer');
  try {
    const response = await fetch(input, { ...call, signal: AbortSignal.any([call.signal, late.signal]) });
    return new Response(await readWhole(response), response);
  } finally {
    late.clear();
  }
}

async function readWhole({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error(`its answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Uint8Array.from(Buffer.concat(chunks));
}

async function stream(input: Input, call: Call, options: FullNodeOptions): Promise<Response> {
  const { fetch = globalThis.fetch, silenceMs = SILENCE_MS } = options;
  const silent = deadline(silenceMs, 'nothing came');
  try {
    const response = await fetch(input, { ...call, signal: AbortSignal.any([call.signal, silent.signal]) });
    const heard = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        silent.refresh();
        controller.enqueue(chunk);
      },
      flush: silent.clear,
    });
    const body = response.body?.pipeThrough(heard).pipeThrough(limitMessages(STREAM));
    return new Response(body, response);
  } catch (error) {
    silent.clear();
    throw error;
  }
}

/** As `AbortSignal.timeout`, but it says what was late and can begin anew. The connection keeps the process, not this. */
function deadline(ms: number, what: string) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new Error(`${what} within ${ms / 1_000} s`)), ms).unref();
  return {
    signal: late.signal,
    refresh: () => void timer.refresh(),
    clear: () => clearTimeout(timer),
  };
}
