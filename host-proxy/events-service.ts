import { join } from 'node:path';
import { z } from 'zod';
import { HostProxyError } from './error.ts';
import { EventStore, type StoredEvent, storedEventSchema } from './event-store.ts';

const MAX_EVENTS_PER_REQUEST = 1_000;

const logId = z.string().regex(/^0x[0-9a-f]{64}$/);

/** Body of `POST /events`. */
const appendSchema = z.strictObject({
  log: logId,
  events: z.array(storedEventSchema).max(MAX_EVENTS_PER_REQUEST),
});
const querySchema = z.strictObject({ log: logId, from: z.coerce.number().int().min(1).default(1) });

/** The stored event logs of one cluster: one file per object that keeps a log, and no others. */
export class EventsService {
  readonly #stores: ReadonlyMap<string, EventStore>;

  private constructor(stores: ReadonlyMap<string, EventStore>) {
    this.#stores = stores;
  }

  /** @throws {HostProxyError} `store` */
  static async open(folder: string, logs: readonly string[]): Promise<EventsService> {
    const stores = new Map<string, EventStore>();
    for (const log of logs) stores.set(log, await EventStore.open(join(folder, `${log}.ndjson`)));
    return new EventsService(stores);
  }

  /** `POST /events`: what is new is appended, on disk when this resolves. */
  async append(body: unknown): Promise<{ log: string; appended: number; next: number }> {
    const { log, events } = appendSchema.parse(body);
    const store = this.#store(log);
    return { log, appended: await store.append(events), next: store.next };
  }

  /** `GET /events?log=…&from=…`: as many as fit in one answer; `next` is the first number not stored yet. */
  async read(query: URLSearchParams): Promise<{ log: string; events: StoredEvent[]; next: number }> {
    const { log, from } = querySchema.parse(Object.fromEntries(query));
    const store = this.#store(log);
    return { log, events: await store.read(from), next: store.next };
  }

  async close(): Promise<void> {
    for (const store of this.#stores.values()) await store.close();
  }

  #store(log: string): EventStore {
    const store = this.#stores.get(log);
    if (!store)
      throw new HostProxyError('refused', `Cannot use log ${log}: no object of this cluster keeps it`);
    return store;
  }
}
