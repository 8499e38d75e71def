import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { reasonOf } from '@daasvader/program/reason.ts';
import { readStream } from '../bounded-stream.ts';
import type { Credential } from '../credential/issue.ts';
import { Refusal } from './status.ts';

/** How long Kubernetes may take to begin an answer; a watch begins at once. */
const ANSWER_TIMEOUT_MS = 60_000;
/** For how long a credential is good at least that something begins with. */
const MIN_LEFT_MS = 120_000;
/** A larger answer that is read whole is none of an honest server. */
const MAX_ANSWER_BYTES = 8 << 20;

/** Gives a credential of the control plane that was verified, good for that long at least. */
export type Connect = (minLeftMs: number) => Promise<Credential>;

/** What Kubernetes is asked. */
export interface Asking {
  method: string;
  /** With its query. */
  path: string;
  headers?: OutgoingHttpHeaders;
  body?: Buffer;
  signal?: AbortSignal;
}

interface Reach {
  credential: Credential;
  agent: Agent;
}

/** An answer that was read whole. */
export interface WholeAnswer {
  response: IncomingMessage;
  body: Buffer;
}

/** Kubernetes as the verified control plane named it, asked as the user, over connections that are kept. */
export class Upstream {
  readonly #connect: Connect;
  #current: Reach | undefined;
  #renewing: Promise<Reach> | undefined;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** A credential of now. */
  async credential(minLeftMs = MIN_LEFT_MS): Promise<Credential> {
    return (await this.#reach(minLeftMs)).credential;
  }

  /**
   * Asks, and gives the beginning of the answer.
   *
   * @throws Refusal 503 when Kubernetes does not answer
   */
  async ask(asking: Asking): Promise<IncomingMessage> {
    const response = await this.#send(asking)
      .catch((cause: Error & { wasKept?: boolean }) => {
        asking.signal?.throwIfAborted();
        // The server may end a kept connection just as it is used; what is only read, or tried, can be asked again.
        if (cause.wasKept && asking.method === 'GET') return this.#send(asking);
        throw cause;
      })
      .catch((cause: Error) => {
        this.#current = undefined; // another control plane may lead
        throw new Refusal(503, `daas: Cannot reach the cluster: ${reasonOf(cause)}`, { cause });
      });
    if (response.statusCode === 401) this.#current = undefined;
    return response;
  }

  /** The same with the answer whole. */
  async askWhole(asking: Asking): Promise<WholeAnswer> {
    const response = await this.ask(asking);
    try {
      return { response, body: await readStream(response, MAX_ANSWER_BYTES) };
    } catch (cause) {
      throw new Refusal(503, `daas: Cannot read the answer: ${reasonOf(cause)}`, { cause });
    }
  }

  /**
   * Asks for a connection of its own in both directions, as for a shell.
   *
   * @param minLeftMs it ends with the credential
   */
  async upgrade({ method, path, headers, signal }: Asking, minLeftMs: number): Promise<Upgraded> {
    const { server, ca, certificate, key } = await this.credential(minLeftMs);
    const options = { method, headers, ca, cert: certificate, key, agent: false as const, signal };
    return new Promise((resolve, reject) => {
      const request = httpsRequest(new URL(server + path), options);
      request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(new Error('no answer')));
      request.on('upgrade', (response, socket, head) => {
        socket.setTimeout(0);
        resolve({ response, socket, head });
      });
      request.on('response', (response) => resolve({ response }));
      request.on('error', (cause) =>
        reject(new Refusal(503, `daas: Cannot reach the cluster: ${reasonOf(cause)}`)),
      );
      request.end();
    });
  }

  async #reach(minLeftMs: number): Promise<Reach> {
    const current = this.#current;
    if (current !== undefined && current.credential.expiresAtMs - Date.now() >= minLeftMs) return current;
    this.#renewing ??= this.#renew(minLeftMs).finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(minLeftMs: number): Promise<Reach> {
    const credential = await this.#connect(minLeftMs);
    const { ca, certificate, key } = credential;
    const agent = new Agent({ keepAlive: true, ca, cert: certificate, key });
    this.#current = { credential, agent };
    return this.#current;
  }

  async #send({ method, path, headers, body, signal }: Asking): Promise<IncomingMessage> {
    const { credential, agent } = await this.#reach(MIN_LEFT_MS);
    const { server } = credential;
    return new Promise((resolve, reject) => {
      const request = httpsRequest(server + path, { method, headers, agent, signal });
      request.setTimeout(ANSWER_TIMEOUT_MS, () => request.destroy(new Error('no answer')));
      request.on('response', (response) => {
        request.setTimeout(0); // a watch may be silent for as long as it likes
        resolve(response);
      });
      request.on('error', (cause) => reject(Object.assign(cause, { wasKept: request.reusedSocket })));
      request.end(body?.length ? body : undefined);
    });
  }
}

/** What became of asking for a connection: it, or an answer instead. */
export interface Upgraded {
  response: IncomingMessage;
  socket?: Duplex;
  head?: Buffer;
}
