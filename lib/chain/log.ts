import { bcs } from '@mysten/sui/bcs';
import { sha256 } from '@noble/hashes/sha2.js';
import { ChainError } from './error.ts';
import { parseEvent } from './events.ts';

/** Head of a log without events. */
export const EMPTY_HEAD: Uint8Array = new Uint8Array(32);

/** How far a log has come. */
export interface LogPosition {
  seq: bigint;
  head: Uint8Array;
}

/** An event as any store of events has it: nothing about it is believed. */
export interface StoredEvent {
  /** Full Move type. */
  type: string;
  bytes: Uint8Array;
}

/**
 * The head after an event: `SHA-256(head ‖ BCS(type) ‖ BCS(event))`. The type is in it because events of different types
 * may have the same bytes.
 *
 * @throws ChainError `event` when the type is none
 */
export function foldHead(head: Uint8Array, { type, bytes }: StoredEvent): Uint8Array {
  return sha256(Buffer.concat([head, bcs.string().serialize(moveName(type)).toBytes(), bytes]));
}

/** A type as `std::type_name` spells it: an address of 64 digits without `0x`, module and name. */
function moveName(type: string): string {
  const [, address, name] = /^0x([0-9a-f]{1,64})(::\w+::\w+)$/.exec(type) ?? [];
  if (address === undefined)
    throw new ChainError('event', `Cannot follow log: ${JSON.stringify(type)} is no type of an event`);
  return address.padStart(64, '0') + name;
}

/**
 * Checks consecutive events of one log against a proven position.
 *
 * @param logId - the object that holds the log
 * @param from - where the events begin, already proven
 * @param until - where they must end, proven by a heartbeat
 * @throws ChainError `log` at the first event that is of another log or out of order, and when the end does not fit
 */
export function checkLog(
  logId: string,
  from: LogPosition,
  events: readonly StoredEvent[],
  until: LogPosition,
): void {
  let { seq, head } = from;
  for (const { type, bytes } of events) {
    const event = parseEvent(type, bytes);
    if (event.kind === 'HeartbeatEvent' || event.logId !== logId)
      throw new ChainError('log', 'Cannot follow log: an event is of another log', { expected: logId });
    seq += 1n;
    if (BigInt(event.seq) !== seq)
      throw new ChainError('log', 'Cannot follow log: events are missing or out of order', {
        expected: String(seq),
        actual: event.seq,
      });
    head = foldHead(head, { type, bytes });
  }
  checkPosition({ seq, head }, until);
}

function checkPosition(actual: LogPosition, expected: LogPosition): void {
  if (actual.seq !== expected.seq)
    throw new ChainError('log', 'Cannot follow log: it ends elsewhere', {
      expected: String(expected.seq),
      actual: String(actual.seq),
    });
  if (Buffer.compare(actual.head, expected.head) !== 0)
    throw new ChainError('log', 'Cannot trust log: its events were not these', {
      expected: Buffer.from(expected.head).toString('hex'),
      actual: Buffer.from(actual.head).toString('hex'),
    });
}
