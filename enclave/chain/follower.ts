import { setTimeout as sleep } from 'node:timers/promises';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import { type CheckpointEvents, fetchCheckpoint, subscribe } from './checkpoints.ts';
import { decodeHeartbeat, type LogHead, type RawEvent } from './event.ts';
import { EventLog } from './event-log.ts';
import type { HostServices } from './host-services.ts';

const RECONNECT_MS = 250;
/** How far back missing events are looked for on the full node before the host must have them. */
const MAX_LOOK_BACK = 20_000n;

/** Where the follower stands, for people and for whoever must not act on old news. */
export interface FollowerStatus {
  /** Committee signatures are not checked yet: the full node's word is taken for the chain's. */
  readonly verification: 'UNVERIFIED';
  readonly checkpoint: string;
  readonly logs: Readonly<Record<string, number>>;
  /** When the last heartbeat came back, ms since 1970; 0 before the first. */
  readonly heartbeatSeenAtMs: number;
  readonly halted: string | undefined;
}

/** What the follower reads from and reports to. */
export interface FollowerOptions {
  readonly client: SuiGrpcClient;
  readonly services: Pick<HostServices, 'events' | 'keep'>;
  readonly packageId: string;
  readonly logIds: readonly string[];
  readonly log: Logger;
  /** Called with each event once and in the order of its log. */
  readonly onEvent: (event: RawEvent) => void;
  /** Called after each heartbeat, when everything up to the heads that it states was reported. */
  readonly onHeads: (timestampMs: number) => void;
}

/**
 * Follows the contracts' event logs and misses nothing: a hole in the numbers, or a heartbeat that states more than
 * arrived, sends it to look for the missing events, first at the host, then backwards through the checkpoints. A head
 * that does not fit halts it for good: from then on nothing is reported, and nobody acts.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #logs: ReadonlyMap<string, EventLog>;
  #checkpoint = 0n;
  #heartbeatSeenAtMs = 0;
  #halted: EnclaveError | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#logs = new Map(options.logIds.map((id) => [id, new EventLog(id)]));
  }

  get status(): FollowerStatus {
    return {
      verification: 'UNVERIFIED',
      checkpoint: this.#checkpoint.toString(),
      logs: Object.fromEntries([...this.#logs].map(([id, { seq }]) => [id, seq])),
      heartbeatSeenAtMs: this.#heartbeatSeenAtMs,
      halted: this.#halted?.message,
    };
  }

  /** Whether the chain was heard of within the last `maxAgeMs`, and nothing was wrong with it. */
  isFresh(maxAgeMs: number): boolean {
    return this.#halted === undefined && Date.now() - this.#heartbeatSeenAtMs <= maxAgeMs;
  }

  /** Follows until `signal` fires or a log turns out to be forged; the connection is made again as often as needed. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, packageId, log } = this.#options;
    while (!signal.aborted && this.#halted === undefined) {
      try {
        for await (const checkpoint of subscribe(client, packageId, signal)) await this.take(checkpoint);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof EnclaveError && error.code === 'log-forged') return this.#halt(error);
        log.warn({ error: String(error) }, 'follower: interrupted, connecting again');
      }
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /**
   * Takes one checkpoint: its events first, then the heads that its heartbeats state.
   *
   * @throws {EnclaveError} `log-gap` when missing events cannot be found anywhere, `log-forged`
   */
  async take({ sequence, logged, heartbeats }: CheckpointEvents): Promise<void> {
    for (const event of logged) await this.#takeEvent(event, sequence);
    for (const bytes of heartbeats) {
      const { heads, timestampMs } = decodeHeartbeat(bytes);
      for (const head of heads) await this.#takeHead(head, sequence);
      this.#heartbeatSeenAtMs = Date.now();
      this.#options.onHeads(timestampMs);
    }
    this.#checkpoint = sequence;
    await this.#keep(logged);
  }

  async #takeEvent(event: RawEvent, sequence: bigint): Promise<void> {
    const eventLog = this.#logs.get(event.logId);
    if (!eventLog) return; // of a cluster that is not ours
    if (event.seq > eventLog.seq + 1) await this.#fill(eventLog, event.seq - 1, sequence);
    if (eventLog.take(event)) this.#options.onEvent(event);
  }

  async #takeHead(head: LogHead, sequence: bigint): Promise<void> {
    const eventLog = this.#logs.get(head.logId);
    if (!eventLog) return;
    if (head.seq > eventLog.seq) await this.#fill(eventLog, head.seq, sequence);
    eventLog.check(head);
  }

  /** Brings a log up to number `until`. */
  async #fill(eventLog: EventLog, until: number, before: bigint): Promise<void> {
    this.#options.log.info(
      { log: eventLog.id, from: eventLog.seq + 1, until },
      'follower: looking for missing events',
    );
    await this.#fillFromHost(eventLog, until);
    if (eventLog.seq >= until) return;
    const found = await this.#lookBack(eventLog, until, before);
    for (const event of found) if (eventLog.take(event)) this.#options.onEvent(event);
    await this.#keep(found);
  }

  async #fillFromHost(eventLog: EventLog, until: number): Promise<void> {
    try {
      while (eventLog.seq < until) {
        const events = await this.#options.services.events(eventLog.id, eventLog.seq + 1);
        if (events.length === 0) return;
        for (const event of events) {
          if (event.logId !== eventLog.id || event.seq > until) return;
          if (eventLog.take(event)) this.#options.onEvent(event);
        }
      }
    } catch (error) {
      this.#options.log.warn({ error: String(error) }, 'follower: the host has no events for us');
    }
  }

  /** Collects the missing events of one log from the checkpoints before `before`, oldest first. */
  async #lookBack(eventLog: EventLog, until: number, before: bigint): Promise<RawEvent[]> {
    const { client, packageId } = this.#options;
    const found = new Map<number, RawEvent>();
    const isComplete = () => found.size === until - eventLog.seq;
    for (
      let sequence = before;
      sequence >= 0n && before - sequence < MAX_LOOK_BACK && !isComplete();
      sequence -= 1n
    ) {
      const checkpoint = await fetchCheckpoint(client, packageId, sequence);
      if (!checkpoint) break;
      for (const event of checkpoint.logged) {
        if (event.logId === eventLog.id && event.seq > eventLog.seq && event.seq <= until)
          found.set(event.seq, event);
      }
    }
    return [...found.values()].sort((a, b) => a.seq - b.seq);
  }

  /** Gives events to the host to keep. It is a convenience for our successor, so a failure only costs it time. */
  async #keep(events: readonly RawEvent[]): Promise<void> {
    for (const [logId, group] of Map.groupBy(events, (event) => event.logId)) {
      if (!this.#logs.has(logId)) continue;
      await this.#options.services.keep(logId, group).catch((error: unknown) => {
        this.#options.log.warn(
          { log: logId, error: String(error) },
          'follower: the host does not keep events',
        );
      });
    }
  }

  #halt(error: EnclaveError): void {
    this.#halted = error;
    this.#options.log.fatal(
      { code: error.code, expected: error.expected, actual: error.actual },
      error.message,
    );
  }
}
