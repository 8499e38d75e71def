import { Agent, buildConnector, type Dispatcher, request } from 'undici';

/** How long the server is waited for, in ms. */
const PATIENCE = {
  /** Until an answer has come altogether; a watch is answered with its beginning. */
  answerMs: 15_000,
  /** Kubernetes sends a bookmark about every minute: a watch that says nothing for longer is dead. */
  quietMs: 150_000,
};
/** A connection older than this takes no more requests: the next one shows the credential as it is then. */
const CONNECTION_MS = 3_600_000;

/** A client certificate with its key, and whom to take for the server; all in PEM. */
export interface Credential {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A request but for its method and path. */
export interface RequestParts {
  readonly query?: Readonly<Record<string, string | undefined>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** `application/json` unless given. */
  readonly contentType?: string;
}

/** What a watch tells, in Kubernetes's own words; of an `ERROR` the object is a Status. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** Kubernetes answered, and refused: with an HTTP status and its own words. */
export class StatusError extends Error {
  /** HTTP status. */
  readonly status: number;

  /** @param body of the answer, a Status object as a rule */
  constructor(status: number, body: string) {
    super(messageIn(body) ?? `Kubernetes answered ${status}`);
    this.name = 'StatusError';
    this.status = status;
  }
}

function messageIn(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body);
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined; // not a Status object: the HTTP status has to do
  }
}

/**
 * HTTP to one API server. What it answers is told as it came: times are text, whatever the types of Kubernetes's client
 * say. Every answer has a deadline.
 */
export class ApiServer {
  readonly #url: string;
  readonly #answerMs: number;
  readonly #quietMs: number;
  readonly #dispatcher: Agent;

  /**
   * @param url such as `https://127.0.0.1:6443`
   * @param credential read for each connection, since the server renews it
   */
  constructor(url: string, credential: () => Credential, { answerMs, quietMs } = PATIENCE) {
    this.#url = url;
    this.#answerMs = answerMs;
    this.#quietMs = quietMs;
    this.#dispatcher = new Agent({
      allowH2: false,
      clientTtl: CONNECTION_MS,
      connect: (options, callback) => {
        try {
          buildConnector({ ...credential(), allowH2: false, timeout: answerMs })(options, callback);
        } catch (error) {
          callback(error as Error, null); // there is no credential yet
        }
      },
    });
  }

  /**
   * Sends a request and waits for its answer.
   *
   * @returns the body
   * @throws {StatusError} when Kubernetes refuses
   */
  async send(method: Dispatcher.HttpMethod, path: string, parts: RequestParts = {}): Promise<string> {
    const signal = AbortSignal.timeout(this.#answerMs);
    const { body } = await this.#request(method, path, parts, { signal });
    return body.text();
  }

  /**
   * Follows what happens under a path, until the server ends it.
   *
   * @throws {StatusError} when Kubernetes refuses
   */
  async *watch<T>(
    path: string,
    query: NonNullable<RequestParts['query']>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const watching = { ...query, watch: 'true', allowWatchBookmarks: 'true' };
    const { body } = await this.#request(
      'GET',
      path,
      { query: watching },
      { signal, bodyTimeout: this.#quietMs },
    );
    let rest = '';
    for await (const chunk of body.setEncoding('utf8')) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(line);
    }
  }

  async #request(
    method: Dispatcher.HttpMethod,
    path: string,
    { query, body, contentType = 'application/json' }: RequestParts,
    waiting: { signal: AbortSignal; bodyTimeout?: number },
  ): Promise<Dispatcher.ResponseData> {
    const told = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    const answer = await request(`${this.#url}${path}`, {
      method,
      query: Object.fromEntries(told),
      ...(body && { body: JSON.stringify(body), headers: { 'content-type': contentType } }),
      dispatcher: this.#dispatcher,
      headersTimeout: this.#answerMs,
      ...waiting,
    });
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw new StatusError(answer.statusCode, await answer.body.text());
  }
}
