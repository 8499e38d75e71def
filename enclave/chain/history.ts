import type { LogHead, RawEvent } from '@daasvader/chain/log.ts';
import { CheckpointError } from '@daasvader/checkpoint/error.ts';
import { EnclaveError } from '../error.ts';
import { type Checkpoint, isEvent } from './checkpoints.ts';
import type { EventLog } from './event-log.ts';
import { type FullNode, MAX_LOOK_BACK } from './full-node.ts';
import type { HostServices } from './host-services.ts';

/** The events between the last one taken and a proven head. */
export interface Stretch {
  readonly events: readonly RawEvent[];
  /** Those of them that the host had not kept. */
  readonly found: readonly RawEvent[];
}

/** Finds the past of a log: with whoever kept it, and in the checkpoints that lead to a proven one. */
export class History {
  readonly #services: Pick<HostServices, 'events'>;
  readonly #onRefused: (error: unknown) => void;

  /** @param onRefused called when the host kept something else, or does not answer */
  constructor(services: Pick<HostServices, 'events'>, onRefused: (error: unknown) => void) {
    this.#services = services;
    this.#onRefused = onRefused;
  }

  /**
   * The events that lead from the last one taken to a head.
   *
   * @param at the proven checkpoint that states the head
   * @returns undefined when they cannot be found
   * @throws {CheckpointError} when the full node lies about the checkpoints before
   */
  async find(
    eventLog: EventLog,
    head: LogHead,
    at: Checkpoint,
    node: FullNode,
  ): Promise<Stretch | undefined> {
    const kept = await this.#kept(eventLog, head.seq);
    const { id, seq } = eventLog;
    const found = await lookBack({ logId: id, after: seq + kept.length, until: head.seq }, at, node);
    const events = [...kept, ...found];
    if (eventLog.leadsTo(events, head)) return { events, found };
    if (kept.length === 0) return undefined;
    const all = await lookBack({ logId: id, after: seq, until: head.seq }, at, node);
    if (!eventLog.leadsTo(all, head)) return undefined;
    const message = `Cannot trust log ${id}: what the host kept of it is not what happened`;
    this.#onRefused(new EnclaveError('log-forged', message));
    return { events: all, found: all };
  }

  /** What the host has of a log from the last event taken on; not believed. */
  async #kept({ id, seq }: EventLog, until: number): Promise<RawEvent[]> {
    const kept: RawEvent[] = [];
    try {
      for (let next = seq + 1; next <= until; next = seq + kept.length + 1) {
        const events = await this.#services.events(id, next);
        const fitting = events.filter((event, index) => event.seq === next + index && event.seq <= until);
        if (fitting.length === 0) break;
        kept.push(...fitting);
      }
    } catch (error) {
      this.#onRefused(error);
    }
    return kept;
  }
}

/** Events of one log, by their numbers. */
interface Range {
  readonly logId: string;
  readonly after: number;
  readonly until: number;
}

/** As many of the events as are in a proven checkpoint and those that lead to it, in the order of their log. */
async function lookBack({ logId, after, until }: Range, at: Checkpoint, node: FullNode): Promise<RawEvent[]> {
  const found = new Map<number, RawEvent>();
  const look = ({ facts }: Checkpoint) => {
    for (const fact of facts)
      if (isEvent(fact) && fact.logId === logId && fact.seq > after && fact.seq <= until)
        found.set(fact.seq, fact);
    return found.size >= until - after;
  };
  try {
    if (!look(at)) for await (const checkpoint of node.before(at, MAX_LOOK_BACK)) if (look(checkpoint)) break;
  } catch (error) {
    if (error instanceof CheckpointError || node.isClosed) throw error;
    // It has forgotten what lies further back: what was found up to here may be enough.
  }
  return [...found.values()].sort((a, b) => a.seq - b.seq);
}
