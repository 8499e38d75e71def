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
  /** Bytes as they are, anything else as JSON. */
  readonly body?: object;
  /** `application/json` unless given. */
  readonly contentType?: string;
  /** In whose name it is; the server's administrator's unless given. */
  readonly as?: Impersonated;
}

/** Whom a request is from, as the administrator tells the API server. */
export interface Impersonated {
  readonly user: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, string>>;
}

/** What the API server answered, whichever way. */
export interface Reply {
  /** HTTP status. */
  readonly status: number;
  /** The texts of its Warning headers. */
  readonly warnings: readonly string[];
  readonly contentType: string;
  readonly body: Uint8Array;
}

interface Waiting {
  readonly signal: AbortSignal;
  /** In ms. */
  readonly bodyTimeout?: number;
}

/** What a watch tells, in Kubernetes's own words; of an `ERROR` the object is a Status. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** What Kubernetes says of a refusal: metav1.Status, as far as it is read here. */
interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly kind?: string; readonly name?: string };
}

/** Kubernetes answered, and refused: with an HTTP status and its own words. */
export class StatusError extends Error {
  /** HTTP status. */
  readonly status: number;
  /** Kubernetes's word for why, such as `AlreadyExists`. */
  readonly reason: string | undefined;
  /** The resource and the name of what stands in the way. */
  readonly details: NonNullable<Status['details']>;

  /** @param body of the answer, a Status object as a rule */
  constructor(status: number, body: string) {
    const { message, reason, details } = statusIn(body);
    super(typeof message === 'string' ? message : `Kubernetes answered ${status}`);
    this.name = 'StatusError';
    this.status = status;
    this.reason = reason;
    this.details = details ?? {};
  }
}

/** Kubernetes refused what was replayed. */
export class Refusal extends StatusError {
  constructor({ status, body }: Reply) {
    super(status, Buffer.from(body).toString());
    this.name = 'Refusal';
  }
}

function statusIn(body: string): Status {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {}; // not a Status object: the HTTP status has to do
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

  /** Sends a request and tells the answer as it came, a refusal too. */
  async replay(method: Dispatcher.HttpMethod, path: string, parts: RequestParts): Promise<Reply> {
    const signal = AbortSignal.timeout(this.#answerMs);
    const { statusCode, headers, body } = await this.#ask(method, path, parts, { signal });
    return {
      status: statusCode,
      warnings: warningsIn(headers.warning),
      contentType: `${headers['content-type'] ?? ''}`,
      body: await body.bytes(),
    };
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
    parts: RequestParts,
    waiting: Waiting,
  ): Promise<Dispatcher.ResponseData> {
    const answer = await this.#ask(method, path, parts, waiting);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    throw new StatusError(answer.statusCode, await answer.body.text());
  }

  #ask(
    method: Dispatcher.HttpMethod,
    path: string,
    { query, body, contentType = 'application/json', as }: RequestParts,
    waiting: Waiting,
  ): Promise<Dispatcher.ResponseData> {
    const told = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
    return request(`${this.#url}${path}`, {
      method,
      query: Object.fromEntries(told),
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': contentType }),
        ...(as && impersonation(as)),
      },
      ...(body && { body: body instanceof Uint8Array ? body : JSON.stringify(body) }),
      dispatcher: this.#dispatcher,
      headersTimeout: this.#answerMs,
      ...waiting,
    });
  }
}

/** https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ */
function impersonation({ user, groups, extra }: Impersonated): Record<string, string | string[]> {
  const extras = Object.entries(extra).map(([key, value]) => [
    `impersonate-extra-${encodeURIComponent(key)}`,
    value,
  ]);
  return { 'impersonate-user': user, 'impersonate-group': [...groups], ...Object.fromEntries(extras) };
}

/** The texts of Warning headers, `299 - "text"` each (RFC 7234, 5.5). */
function warningsIn(header: string | string[] | undefined): string[] {
  return [header ?? []].flat().flatMap((line) => {
    const texts = [...line.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)];
    return texts.map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
  });
}
