import { setTimeout as sleep } from 'node:timers/promises';
import { decodeHeartbeat } from '@daasvader/chain/events.ts';
import { OBJECTS } from '@daasvader/chain/layouts.ts';
import type { LogHead, RawEvent } from '@daasvader/chain/log.ts';
import type { Committee } from '@daasvader/checkpoint/committee.ts';
import { CheckpointError } from '@daasvader/checkpoint/error.ts';
import { checkNext, type Position, Trail } from '@daasvader/checkpoint/trail.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { EnclaveError } from '../error.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import {
  type Checkpoint,
  isEvent,
  type RawHeartbeat,
  type RegistryWrite,
  type Scope,
} from './checkpoints.ts';
import { EventLog } from './event-log.ts';
import type { Freshness } from './freshness.ts';
import { FullNode, MAX_LOOK_BACK } from './full-node.ts';
import { History } from './history.ts';
import type { HostServices } from './host-services.ts';

const RECONNECT_MS = 250;
const PATIENCE_MS = 10_000;
/** Longer than a leader may take between two heartbeats: whoever waits for the lead hears that much at the least. */
const UNHEARD_MS = 45_000;
const WATCH_MS = 500;

/** Where the follower stands, for people and for whoever must not act on old news. */
export interface FollowerStatus {
  /** What is acted on is in checkpoints that the committee signed. */
  readonly verification: 'CERTIFIED';
  /** The newest proven checkpoint that was looked at, and its epoch. */
  readonly checkpoint: string;
  readonly epoch: string;
  readonly logs: Readonly<Record<string, number>>;
  /** When the last heartbeat came back, ms since 1970; 0 before the first. */
  readonly heartbeatSeenAtMs: number;
  /** Why nothing is done now. */
  readonly stale: string | undefined;
  readonly halted: string | undefined;
}

/** A full node, and its name for people. */
export interface NodeClient {
  readonly url: string;
  readonly client: SuiGrpcClient;
}

/** What the follower reads from and reports to. */
export interface FollowerOptions {
  /** Full nodes, asked one at a time; another one when one lies or is silent. */
  readonly nodes: readonly NodeClient[];
  /** The one that the binding names. */
  readonly committee: Committee;
  readonly services: Pick<HostServices, 'events' | 'keep'>;
  /** The packages whose events count, as of now: an upgrade adds one. */
  readonly packages: ReadonlySet<string>;
  readonly registryId: string;
  /** The objects that keep a log, the registry among them. */
  readonly logIds: readonly string[];
  readonly freshness: Freshness;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Called with each proven event once and in the order of its log. When it throws, the event comes again. */
  readonly onEvent: (event: RawEvent) => void;
  /** Called after each heartbeat of our own, when everything up to the heads that it states was reported. */
  readonly onHeads: (timestampMs: number) => void;
  /** Called with the time of each proven checkpoint that was looked at, by the validators' clocks. */
  readonly onProven?: (timestampMs: number) => void;
  /** How long a heartbeat of ours may be missing before another full node is asked, in ms. */
  readonly patienceMs?: number;
  /**
   * How long nothing of the cluster may be heard before another full node is asked, in ms, as long as no heartbeat of
   * ours came back: until then nobody else notices what is kept from us.
   */
  readonly unheardMs?: number;
}

/**
 * Follows the contracts' event logs, believes nothing unproven and misses nothing. An event is reported when the
 * committee signed the checkpoint that holds it, or when it belongs to a stretch of its log that ends in a head which
 * such a checkpoint states; so whoever kept the log may hand it over. Heads are in heartbeats; that of the registry's log
 * is also in the registry itself, as a transaction of ours left it, so that a cluster without heartbeats can be known.
 */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #scope: Scope;
  readonly #logs: ReadonlyMap<string, EventLog>;
  readonly #history: History;
  readonly #trail: Trail;
  /** The newest checkpoint that was proven and looked at. */
  #cursor: Position | undefined;
  /** Whether this connection's checkpoints are joined to the cursor. */
  #isJoined = false;
  /** Whether every event up to the cursor was taken, so that one that is missing was withheld. */
  #isWhole = false;
  /** What was reported and the host has not been given to keep, in the order of each log. */
  #unkept: RawEvent[] = [];
  /** Whether an event of the registry was passed over, because those before it are not known. */
  #isRegistryBehind = false;
  readonly #listening = Promise.withResolvers<void>();
  #heartbeatSeenAtMs = 0;
  /** When something of the cluster was last told, or a connection begun, by a clock that nobody sets. */
  #heardAt = 0;
  #halted: string | undefined;

  constructor(options: FollowerOptions) {
    this.#options = options;
    const { packages, registryId, logIds } = options;
    this.#scope = { packages, registryId, logIds: new Set(logIds) };
    this.#logs = new Map(logIds.map((id) => [id, new EventLog(id)]));
    this.#history = new History(options.services, (error) => this.#refuse(error, 'host'));
    this.#trail = new Trail(options.committee);
  }

  get status(): FollowerStatus {
    return {
      verification: 'CERTIFIED',
      checkpoint: (this.#cursor?.sequence ?? 0n).toString(),
      epoch: this.#trail.epoch.toString(),
      logs: Object.fromEntries([...this.#logs].map(([id, { seq }]) => [id, seq])),
      heartbeatSeenAtMs: this.#heartbeatSeenAtMs,
      stale: this.#options.freshness.reason,
      halted: this.#halted,
    };
  }

  /** Resolves when it follows a full node: from then on nothing that happens is missed. */
  get listening(): Promise<void> {
    return this.#listening.promise;
  }

  /** Follows until `signal` fires or the contracts contradict themselves; one full node after the other, for ever. */
  async run(signal: AbortSignal): Promise<void> {
    const { nodes } = this.#options;
    for (let turn = 0; !signal.aborted && this.#halted === undefined; turn += 1) {
      const node = nodes[turn % nodes.length]!;
      await this.#follow(node, signal).catch((error: unknown) => this.#refuse(error, node.url));
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Follows one full node until it fails, lies or keeps our heartbeats from us. */
  async #follow({ url, client }: NodeClient, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const impatience = new AbortController();
    const connectedAt = performance.now();
    this.#heardAt = connectedAt;
    const timer = setInterval(() => {
      const why = this.#impatience(connectedAt);
      if (why !== undefined) impatience.abort(new EnclaveError('stale', `Cannot follow: ${why}`));
    }, WATCH_MS);
    this.#isJoined = false;
    log.info({ node: url }, 'follower: connecting');
    try {
      const connection = AbortSignal.any([signal, impatience.signal]);
      const node = new FullNode(client, this.#scope, connection);
      for await (const batch of node.subscribe()) await this.#take(batch, node);
    } catch (error) {
      if (signal.aborted) return;
      throw impatience.signal.aborted ? impatience.signal.reason : error;
    } finally {
      clearInterval(timer);
      impatience.abort(); // ends the connection when it was we who had enough
    }
  }

  /** Why another full node is to be asked; undefined while this one may go on. */
  #impatience(connectedAt: number): string | undefined {
    const { freshness, nodes, patienceMs = PATIENCE_MS, unheardMs = UNHEARD_MS } = this.#options;
    const now = performance.now();
    if (Math.min(freshness.overdueMs, now - connectedAt) > patienceMs)
      return `our heartbeat is missing for ${patienceMs / 1_000} s`;
    const isBooting = this.#heartbeatSeenAtMs === 0 && nodes.length > 1;
    if (isBooting && now - this.#heardAt > unheardMs)
      return `nothing of the cluster was told for ${unheardMs / 1_000} s`;
    return undefined;
  }

  /** Takes checkpoints as they came: one signature proves all of them. */
  async #take(batch: readonly Checkpoint[], node: FullNode): Promise<void> {
    const found: Checkpoint[] = [];
    for (const checkpoint of batch) {
      if (this.#isJoined) this.#trail.append(checkpoint);
      else if (this.#cursor && checkpoint.sequence <= this.#cursor.sequence)
        continue; // known, or old news
      else found.push(...(await this.#join(checkpoint, node)));
      if (checkpoint.facts.length > 0) found.push(checkpoint);
    }
    const newest = found.at(-1) ?? (this.#cursor ? undefined : batch.at(-1));
    if (!newest) return;
    this.#trail.prove(newest);
    try {
      for (const checkpoint of found) await this.#report(checkpoint, node);
    } finally {
      await this.#keep(); // once for all that came together: the host writes it to its disk
    }
    this.#cursor = newest;
    if (found.length > 0) this.#heardAt = performance.now();
    this.#options.onProven?.(newest.timestampMs);
    this.#listening.resolve();
  }

  /**
   * Joins a new connection to what was followed: its first checkpoint proven by itself, then back to the cursor.
   *
   * @returns checkpoints between with something for us, oldest first
   */
  async #join(first: Checkpoint, node: FullNode): Promise<Checkpoint[]> {
    while (this.#trail.epoch < first.epoch) this.#trail.passEpoch(await node.endOf(this.#trail.epoch));
    this.#trail.restart(first);
    const missed = this.#cursor && (await this.#between(this.#cursor, first, node));
    if (!missed) this.#isWhole = false;
    this.#isJoined = true;
    return missed ?? [];
  }

  async #between(cursor: Position, first: Checkpoint, node: FullNode): Promise<Checkpoint[] | undefined> {
    const distance = first.sequence - cursor.sequence - 1n;
    if (distance > MAX_LOOK_BACK) return undefined;
    const found: Checkpoint[] = [];
    let oldest = first;
    try {
      for await (const checkpoint of node.before(first, distance)) {
        if (checkpoint.facts.length > 0) found.unshift(checkpoint);
        oldest = checkpoint;
      }
    } catch (error) {
      if (error instanceof CheckpointError || node.isClosed) throw error;
      this.#options.log.warn({ error: String(error) }, 'follower: cannot go back to where it was');
      return undefined;
    }
    checkNext(cursor, oldest);
    return found;
  }

  async #report(checkpoint: Checkpoint, node: FullNode): Promise<void> {
    for (const fact of checkpoint.facts) {
      if (isEvent(fact)) this.#takeEvent(fact);
      else if (fact.kind === 'heartbeat') await this.#takeHeartbeat(fact, checkpoint, node);
      else await this.#takeRegistry(fact, checkpoint, node);
    }
  }

  /** Takes an event when it is a new one. @throws {EnclaveError} `log-gap` when one before it was withheld */
  #takeEvent(event: RawEvent): void {
    const eventLog = this.#logs.get(event.logId)!;
    if (event.seq <= eventLog.seq) return;
    if (event.seq > eventLog.seq + 1) {
      if (this.#isWhole) this.#missing(eventLog, event.seq - 1);
      if (event.logId === this.#scope.registryId) this.#isRegistryBehind = true;
      return; // the next heartbeat, or the registry itself, states how much is missing
    }
    this.#advance(eventLog, event);
    this.#unkept.push(event);
  }

  async #takeHeartbeat(
    { bytes, digest }: RawHeartbeat,
    checkpoint: Checkpoint,
    node: FullNode,
  ): Promise<void> {
    const { heads, timestampMs } = decodeHeartbeat(bytes);
    for (const head of heads) await this.#takeHead(head, checkpoint, node);
    [this.#isWhole, this.#isRegistryBehind] = [true, false];
    if (!this.#options.freshness.echoed(digest)) return;
    this.#heartbeatSeenAtMs = Date.now();
    this.#options.onHeads(timestampMs);
  }

  /** Takes the head of the registry's log from the registry, when nothing else stated it yet. */
  async #takeRegistry({ written }: RegistryWrite, checkpoint: Checkpoint, node: FullNode): Promise<void> {
    if (!this.#isRegistryBehind) return;
    const { id, log } = OBJECTS.EnclaveRegistry.parse(await node.object(written));
    const head = { logId: id, seq: Number(log.seq), head: Uint8Array.from(log.head) };
    await this.#takeHead(head, checkpoint, node);
    this.#isRegistryBehind = false;
  }

  async #takeHead(head: LogHead, checkpoint: Checkpoint, node: FullNode): Promise<void> {
    const eventLog = this.#logs.get(head.logId);
    if (!eventLog) {
      const options = { expected: [...this.#logs.keys()], actual: head.logId };
      throw new EnclaveError('configuration', 'Cannot follow: the cluster has another log', options);
    }
    if (head.seq > eventLog.seq) {
      if (this.#isWhole) this.#missing(eventLog, head.seq);
      await this.#fill(eventLog, head, checkpoint, node);
    }
    eventLog.check(head);
  }

  /** Brings a log up to a proven head. */
  async #fill(eventLog: EventLog, head: LogHead, at: Checkpoint, node: FullNode): Promise<void> {
    const { log } = this.#options;
    log.info({ log: eventLog.id, from: eventLog.seq + 1, until: head.seq }, 'follower: looking for events');
    const stretch = await this.#history.find(eventLog, head, at, node);
    if (!stretch) return this.#missing(eventLog, head.seq);
    for (const event of stretch.events) this.#advance(eventLog, event);
    this.#unkept.push(...stretch.found);
  }

  /** Reports an event, and only then counts it as taken. */
  #advance(eventLog: EventLog, event: RawEvent): void {
    this.#options.onEvent(event);
    eventLog.take(event);
  }

  #missing({ id, seq }: EventLog, until: number): never {
    this.#isWhole = false;
    const options = { expected: until, actual: seq };
    throw new EnclaveError(
      'log-gap',
      `Cannot follow log ${id}: its events up to ${until} are not told`,
      options,
    );
  }

  /** Gives events to the host to keep. It is a convenience for our successor, so a failure only costs it time. */
  async #keep(): Promise<void> {
    const events = this.#unkept;
    this.#unkept = [];
    for (const [logId, group] of Map.groupBy(events, (event) => event.logId)) {
      await this.#options.services.keep(logId, group).catch((error: unknown) => {
        this.#options.log.warn(
          { log: logId, error: String(error) },
          'follower: the host does not keep events',
        );
      });
    }
  }

  /** Says what was wrong and counts it; contracts that contradict themselves end everything. */
  #refuse(error: unknown, source: string): void {
    const { log, metrics, freshness } = this.#options;
    const isKnown = error instanceof CheckpointError || error instanceof EnclaveError;
    const code = isKnown ? error.code : 'unreachable';
    metrics.refusals.inc({ code });
    const details = isKnown ? { expected: `${error.expected}`, actual: `${error.actual}` } : {};
    log.warn({ code, source, ...details, error: String(error) }, 'follower: refused, going on elsewhere');
    if (code !== 'log-forged' || source === 'host') return;
    this.#halted = String(error);
    freshness.halt(this.#halted);
    log.fatal({ code }, this.#halted);
  }
}
