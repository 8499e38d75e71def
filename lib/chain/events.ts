import { ChainError } from './error.ts';
import { EVENTS, HeartbeatEvent } from './layouts.ts';

type Layouts = typeof EVENTS & { HeartbeatEvent: typeof HeartbeatEvent };

const LAYOUTS: Layouts = { ...EVENTS, HeartbeatEvent };

/** The name of an event's Move struct. */
export type EventKind = keyof Layouts;

/** A decoded event of one kind. 64-bit numbers are decimal strings, byte vectors are `Uint8Array`. */
export type EventOf<K extends EventKind> = { kind: K } & Layouts[K]['$inferType'];

/** A decoded event of the contracts. */
export type ChainEvent = { [K in EventKind]: EventOf<K> }[EventKind];

/** An event that belongs to a log. */
export type LoggedEvent = Exclude<ChainEvent, { kind: 'HeartbeatEvent' }>;

/**
 * Decodes an event of the contracts.
 *
 * @param type - the full Move type, `<package>::<module>::<Name>`; the caller compares the package
 * @throws ChainError `event` for an unknown name or bytes that are not exactly one such event
 */
export function parseEvent(type: string, bytes: Uint8Array): ChainEvent {
  const kind = type.slice(type.lastIndexOf('::') + 2);
  if (!Object.hasOwn(LAYOUTS, kind))
    throw new ChainError('event', `Cannot decode event: ${JSON.stringify(type)} is not of the contracts`);
  const layout = LAYOUTS[kind as EventKind];
  try {
    const fields = layout.parse(bytes);
    // The parser ignores what follows the last field; writing the event again shows it.
    const again = (layout.serialize as (fields: unknown) => { toBytes(): Uint8Array })(fields).toBytes();
    if (Buffer.compare(again, bytes) !== 0) throw new TypeError('not in canonical form');
    return { kind, ...fields } as ChainEvent;
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
