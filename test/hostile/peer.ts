import type { ClientRequest } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';

const ANSWER_TIMEOUT_MS = 20_000;
const MAX_SHOWN = 100;
/** Of one peer. A relay takes 64 new ones a second of an address, and some hundred at once. */
const MAX_CONNECTIONS = 32;
/** Of an answer, so that an attack which succeeds does not fill the test's own memory. */
const MAX_ANSWER = 8 << 20;

/** Whom somebody says to be: a client certificate or a bearer token; nobody when there is neither. */
export interface Identity {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** One request. */
export interface Asked {
  readonly method?: string;
  /** As it goes on the wire: nothing here makes it well-formed. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string | string[]>;
}

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Somebody who speaks HTTPS with the cluster, through the host's relay as everybody does. */
export class Peer {
  readonly #url: URL;
  readonly #token: string | undefined;
  readonly #agent: Agent;

  /** @param localAddress where the connections come from: the relay counts by address */
  constructor(url: string, { token, ...certificate }: Identity = {}, localAddress?: string) {
    this.#url = new URL(url);
    this.#token = token;
    this.#agent = new Agent({
      ...certificate,
      ...(localAddress !== undefined && { localAddress }),
      keepAlive: true,
      maxSockets: MAX_CONNECTIONS,
      rejectUnauthorized: false, // who answers is not what is tested
    });
  }

  /** Asks and gives the answer as text, `403 pods is forbidden…`, short enough for a table. */
  async try(asked: Asked): Promise<string> {
    return describe(await this.ask(asked));
  }

  /** Asks; an answer is an answer, whatever it says. */
  async ask(asked: Asked): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const sent = this.#begin(asked, { agent: this.#agent, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    sent.once('error', reject).once('response', (response) => {
      let text = '';
      response.on('data', (part: Buffer) => {
        text += part;
        if (text.length > MAX_ANSWER) response.destroy();
      });
      response.once('close', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    const { body } = asked;
    sent.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
    return promise;
  }

  /** Begins a request whose answer goes on, which the caller ends. */
  open(asked: Asked): ClientRequest {
    return this.#begin(asked, { agent: this.#agent }).end();
  }

  #begin({ method = 'GET', path, headers = {} }: Asked, options: RequestOptions): ClientRequest {
    return request({
      host: this.#url.hostname,
      port: this.#url.port,
      path,
      method,
      headers: {
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
        ...headers,
      },
      ...options,
    });
  }

  /** Asks and gives the object of the answer. */
  async object<T>(asked: Asked): Promise<T> {
    const { status, text } = await this.ask(asked);
    if (status >= 300) throw new Error(`Cannot ${asked.method ?? 'GET'} ${asked.path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }
}

/** Status and reason of an answer, in one line. */
export function describe({ status, text }: Answer): string {
  let message = text;
  try {
    const parsed = JSON.parse(text) as { message?: string; detail?: string; kind?: string };
    message = parsed.message ?? parsed.detail ?? parsed.kind ?? text;
  } catch {
    // Not JSON: the text is the message.
  }
  return `${status} ${message.replaceAll(/\s+/g, ' ').slice(0, MAX_SHOWN)}`;
}
