import { ChainError } from './error.ts';
import { EVENTS, HeartbeatEvent } from './layouts.ts';
import type { LogHead, RawEvent } from './log.ts';

type Layouts = typeof EVENTS & { HeartbeatEvent: typeof HeartbeatEvent };

const LAYOUTS: Layouts = { ...EVENTS, HeartbeatEvent };

/** The name of an event's Move struct. */
export type EventKind = keyof Layouts;

/** A decoded event of one kind. 64-bit numbers are decimal strings, byte vectors are `Uint8Array`. */
export type EventOf<K extends EventKind> = K extends EventKind
  ? { kind: K } & Layouts[K]['$inferType']
  : never;

/** A decoded event of the contracts. */
export type ChainEvent = EventOf<EventKind>;

/**
 * Decodes an event of the contracts; undefined for a kind that is not known here, as a later version may emit. What
 * follows the last field is not looked at: whoever acts on an event knows the hash of its bytes.
 *
 * @param event - the caller compares the package of its type
 * @throws ChainError `event` for bytes that do not hold an event of that kind
 */
export function decodeEvent({ type, bytes }: Pick<RawEvent, 'type' | 'bytes'>): ChainEvent | undefined {
  const kind = eventName(type);
  if (!Object.hasOwn(LAYOUTS, kind)) return undefined;
  const layout = LAYOUTS[kind as EventKind];
  try {
    return { kind, ...layout.parse(bytes) } as ChainEvent;
  } catch (cause) {
    throw new ChainError('event', `Cannot decode event: bytes are no ${kind}`, { cause });
  }
}

/** Encodes an event as the contracts do; for tests and for stores of events. */
export function encodeEvent<K extends EventKind>(
  kind: K,
  fields: Layouts[K]['$inferInput'],
): Uint8Array<ArrayBuffer> {
  const layout = LAYOUTS[kind] as { serialize(fields: unknown): { toBytes(): Uint8Array<ArrayBuffer> } };
  return layout.serialize(fields).toBytes();
}

/** The name of an event's Move struct, without package and module. */
export function eventName(type: string): string {
  return type.slice(type.lastIndexOf('::') + 2);
}

/** Up to where the sealed state was durable at a heartbeat. */
export interface Anchor {
  readonly generation: bigint;
  readonly position: bigint;
  readonly digest: Uint8Array;
  readonly bytes: bigint;
}

/** What a heartbeat states. */
export interface Heartbeat {
  readonly heads: LogHead[];
  /** Raised by each seating and each seat taken away. */
  readonly epoch: bigint;
  /** Which lead it is. */
  readonly term: bigint;
  /** None before the first state was anchored. */
  readonly anchor: Anchor | undefined;
  /** The chain's time then, in ms since 1970. */
  readonly timestampMs: number;
}

/**
 * What a heartbeat states.
 *
 * @param bytes - BCS of the event
 */
export function decodeHeartbeat(bytes: Uint8Array): Heartbeat {
  const { registry, workers, staking, scheduler, epoch, term, anchor, timestampMs } =
    HeartbeatEvent.parse(bytes);
  const heads = [registry, workers, staking, scheduler].map(({ logId, seq, head }) => ({
    logId,
    seq: Number(seq),
    head: Uint8Array.from(head),
  }));
  return {
    heads,
    epoch: BigInt(epoch),
    term: BigInt(term),
    anchor: anchor === null ? undefined : anchorOf(anchor),
    timestampMs: Number(timestampMs),
  };
}

type AnchorFields = NonNullable<(typeof HeartbeatEvent)['$inferType']['anchor']>;

function anchorOf({ generation, position, digest, bytes }: AnchorFields): Anchor {
  return {
    generation: BigInt(generation),
    position: BigInt(position),
    digest: Uint8Array.from(digest),
    bytes: BigInt(bytes),
  };
}
