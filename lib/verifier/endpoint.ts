import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { reasonOf } from '@daasvader/program/reason.ts';
import { buildConnector, Client, type Dispatcher } from 'undici';
import { z } from 'zod';
import { VerifierError } from './error.ts';
import { ROUTE } from './routes.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** For one whole answer, however slowly it comes. */
const ANSWER_TIMEOUT_MS = 20_000;
/** The largest honest answer is an attestation of some 10 KB. */
const MAX_ANSWER_BYTES = 256 * 1024;

const problem = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  code: z.string().optional(),
});

/**
 * The enclave's API behind one TLS key. No certificate authority vouches for that key: the first connection
 * shows it, the attestation must bind it, and every later connection must end at the same one.
 */
export class EnclaveEndpoint {
  readonly url: string;
  readonly #client: Client;
  readonly #signal: AbortSignal | undefined;
  #tlsKey: string | undefined;

  /**
   * @param signal calls off what is being asked
   * @param tlsKey of the other end, SHA-256 in hex, when it was verified before; else the first connection shows it
   */
  constructor(url: string, signal?: AbortSignal, tlsKey?: string) {
    this.url = url;
    this.#signal = signal;
    this.#tlsKey = tlsKey;
    const connect = buildConnector({
      rejectUnauthorized: false, // replaced by the comparison in #pin
      minVersion: 'TLSv1.3',
      maxCachedSessions: 0, // a resumed session shows no certificate
      timeout: CONNECT_TIMEOUT_MS,
    });
    this.#client = new Client(url, {
      connect: (options, callback) =>
        connect(options, (error, socket) => {
          if (error !== null) return callback(error, null);
          const failure = this.#pin(socket as TLSSocket);
          if (failure === undefined) return callback(null, socket as TLSSocket);
          socket?.destroy();
          callback(failure, null);
        }),
    });
  }

  /** SHA-256, in hex, of the SubjectPublicKeyInfo at the other end; undefined before the first connection. */
  get tlsKey(): string | undefined {
    return this.#tlsKey;
  }

  /**
   * Sends a request and returns the JSON answer.
   * @throws VerifierError `unreachable`, `tls_key`, `refused` with the problem's detail, or `malformed`
   */
  async request(method: 'GET' | 'POST', path: string, options: RequestOptions = {}): Promise<unknown> {
    const answer = await this.#send(method, path, options);
    const text = await this.#read(answer.body);
    if (answer.statusCode >= 500 && answer.statusCode !== 501)
      throw this.#unreachable(problemOf(answer.statusCode, text));
    if (answer.statusCode >= 300)
      throw new VerifierError(
        'refused',
        `Cannot ${method} ${this.url}${path}: ${problemOf(answer.statusCode, text)}`,
      );
    return parseJson(text, path);
  }

  /**
   * Asks whether the API still answers, and at the same TLS key.
   * @throws VerifierError `unreachable` or `tls_key`
   */
  async probe(): Promise<void> {
    const { body } = await this.#send('GET', ROUTE.health, {});
    await this.#read(body);
  }

  /** Closes the connection. */
  async close(): Promise<void> {
    await this.#client.destroy();
  }

  #pin(socket: TLSSocket): VerifierError | undefined {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined)
      return new VerifierError('tls_key', `Cannot trust ${this.url}: it showed no certificate`);
    const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
    const actual = createHash('sha256').update(spki).digest('hex');
    this.#tlsKey ??= actual;
    if (actual === this.#tlsKey) return undefined;
    const message = `Cannot go on with ${this.url}: its TLS key is another than the one that was verified`;
    return new VerifierError('tls_key', message, { expected: this.#tlsKey, actual });
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    options: RequestOptions,
  ): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    if (options.bearer !== undefined) headers.authorization = `Bearer ${options.bearer}`;
    const body = options.body === undefined ? null : JSON.stringify(options.body);
    const late = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
    const signal = this.#signal === undefined ? late : AbortSignal.any([late, this.#signal]);
    try {
      return await this.#client.request({ method, path, headers, body, signal });
    } catch (cause) {
      if (cause instanceof VerifierError) throw cause;
      throw this.#unreachable(reasonOf(cause), cause);
    }
  }

  async #read(body: AsyncIterable<Uint8Array>): Promise<string> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const chunk of body) {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) break;
        chunks.push(chunk);
      }
    } catch (cause) {
      throw this.#unreachable(reasonOf(cause), cause);
    }
    if (length > MAX_ANSWER_BYTES)
      throw new VerifierError(
        'malformed',
        `Cannot read the answer of ${this.url}: longer than ${MAX_ANSWER_BYTES} bytes`,
      );
    return Buffer.concat(chunks).toString('utf8');
  }

  #unreachable(reason: string, cause?: unknown): VerifierError {
    return new VerifierError('unreachable', `Cannot reach ${this.url}: ${reason}`, { cause });
  }
}

/** What a request carries besides method and path. */
export interface RequestOptions {
  body?: object;
  bearer?: string;
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new VerifierError('malformed', `Cannot read the answer to ${path}: not JSON`, { cause });
  }
}

// RFC 9457, section 3.1: detail is for people, title its general case.
function problemOf(status: number, text: string): string {
  try {
    const { detail, title, code } = problem.parse(JSON.parse(text));
    return `${detail ?? title ?? 'no detail'} (${status}${code === undefined ? '' : ` ${code}`})`;
  } catch {
    return `status ${status}`; // not a problem document: the status is all there is
  }
}
