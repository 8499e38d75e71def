import { logPrefix, type RawEvent } from '@daasvader/chain/log.ts';
import { type ClosableFetch, serviceFetch } from '@daasvader/vsock/fetch.ts';
import { HOST_ROUTE } from '@daasvader/vsock/host-routes.ts';
import { HOST_PORT } from '@daasvader/vsock/ports.ts';
import type { Vsock } from '@daasvader/vsock/vsock.ts';
import { z } from 'zod';
import { EnclaveError } from '../error.ts';
import { ChainRefusal } from './chain-refusal.ts';

const TIMEOUT_MS = 30_000;
/** The most that the host takes in one request: events, and characters of its 8 MiB that they may fill. */
const MAX_EVENTS = 1_000;
const MAX_CHARACTERS = 6 << 20;

const sponsored = z.object({ transaction: z.base64(), sponsorSignature: z.string() });
const stored = z.object({
  events: z.array(
    z.object({ seq: z.int(), type: z.string().max(512), bcs: z.base64(), digest: z.string().optional() }),
  ),
});
const problem = z.object({
  code: z.string().default('unknown'),
  detail: z.string().default('no detail'),
  command: z.int().optional(),
});

/** What the host does for the enclave: it pays, seats, and keeps events. Nothing that it answers is believed. */
export class HostServices {
  readonly #host: ClosableFetch;

  constructor(vsock: Vsock) {
    this.#host = serviceFetch(vsock, HOST_PORT.services);
  }

  /**
   * Asks the host to pay for a transaction.
   *
   * @param kind BCS of the TransactionKind
   * @returns BCS of the TransactionData that the host made of it, and its signature
   * @throws {ChainRefusal} when the chain would refuse it now
   * @throws {EnclaveError} `host`
   */
  async sponsor(kind: Uint8Array, sender: string): Promise<{ bytes: Uint8Array; signature: string }> {
    const body = { transaction: Buffer.from(kind).toString('base64'), sender };
    const { transaction, sponsorSignature } = sponsored.parse(
      await this.#call('POST', HOST_ROUTE.sponsor, body),
    );
    return { bytes: Uint8Array.from(Buffer.from(transaction, 'base64')), signature: sponsorSignature };
  }

  /**
   * Asks the host to seat the enclave that registered under this id.
   *
   * @throws {ChainRefusal} when the chain would refuse it now
   * @throws {EnclaveError} `host`
   */
  async seat(enclaveId: string, operator: string): Promise<void> {
    await this.#call('POST', HOST_ROUTE.seat, { enclaveId, operator });
  }

  /** Kept events of a log from number `from` on, as many as fit into one answer; none when it has no more. */
  async events(logId: string, from: number): Promise<RawEvent[]> {
    const { events } = stored.parse(
      await this.#call('GET', `${HOST_ROUTE.events}?log=${logId}&from=${from}`),
    );
    return events.map(({ type, bcs, digest }) => {
      const bytes = Uint8Array.from(Buffer.from(bcs, 'base64'));
      return { ...logPrefix(bytes), type, bytes, ...(digest !== undefined && { digest }) };
    });
  }

  /** Gives the host consecutive events of one log to keep. */
  async keep(logId: string, events: readonly RawEvent[]): Promise<void> {
    const body = events.map(({ seq, type, bytes, digest }) => ({
      seq,
      type,
      bcs: Buffer.from(bytes).toString('base64'),
      digest,
    }));
    for (const part of parts(body)) await this.#call('POST', HOST_ROUTE.events, { log: logId, events: part });
  }

  async #call(method: 'GET' | 'POST', path: string, body?: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request = body ? { method, headers, signal, body: JSON.stringify(body) } : { method, signal };
    try {
      const response = await this.#host.fetch(`http://host${path}`, request);
      const answer: unknown = await response.json();
      if (response.ok) return answer;
      const { code, detail, command } = problem.parse(answer);
      const message = `Cannot ${method} ${path}: ${detail} (${response.status} ${code})`;
      throw code === 'fails' ? new ChainRefusal(message, command) : new EnclaveError('host', message);
    } catch (cause) {
      if (cause instanceof EnclaveError || cause instanceof ChainRefusal) throw cause;
      throw new EnclaveError('host', `Cannot ${method} ${path}: the host does not answer`, { cause });
    }
  }
}

/** Splits events into what fits into one request each. */
function parts<T extends { readonly bcs: string }>(events: readonly T[]): T[][] {
  const all: T[][] = [];
  let room = 0;
  for (const event of events) {
    const part = all.at(-1);
    if (!part || part.length === MAX_EVENTS || event.bcs.length > room) {
      all.push([event]);
      room = MAX_CHARACTERS;
    } else part.push(event);
    room -= event.bcs.length;
  }
  return all;
}
