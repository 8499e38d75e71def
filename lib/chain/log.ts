import { bcs } from '@mysten/sui/bcs';
import { sha256 } from '@noble/hashes/sha2.js';
import { ChainError } from './error.ts';

/** Head of a log without events. */
export const EMPTY_HEAD: Uint8Array = new Uint8Array(32);

/** How far a log had come, and the hash over all of it. */
export interface LogHead {
  readonly logId: string;
  /** Number of the last event; 0 of a log without events. */
  readonly seq: number;
  readonly head: Uint8Array;
}

/** One event of a log as it came from whomever: nothing about it is believed before the log's head agrees. */
export interface RawEvent {
  readonly logId: string;
  readonly seq: number;
  /** Full Move type, `0x…::module::Name`. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Digest of the transaction that emitted it, when known. */
  readonly digest?: string;
}

const LogPrefix = bcs.struct('LogPrefix', { logId: bcs.Address, seq: bcs.u64() });

/** Bytes that every event of a log begins with: the log's id, 32, and the event's number there, 8. */
export const LOG_PREFIX_BYTES = 40;

/** Which log an event says it is of, and its number there. */
export function logPrefix(bytes: Uint8Array): { logId: string; seq: number } {
  const { logId, seq } = LogPrefix.parse(bytes);
  return { logId, seq: Number(seq) };
}

/**
 * The head after an event: `SHA-256(head ‖ SHA-256(BCS(type)) ‖ SHA-256(BCS(event)))`. The type is in it because events
 * of different types may have the same bytes; each is hashed, so that what is long can be known by its digest alone.
 *
 * @throws ChainError `event` when the type is none
 */
export function foldHead(head: Uint8Array, { type, bytes }: Pick<RawEvent, 'type' | 'bytes'>): Uint8Array {
  const kind = bcs.string().serialize(moveName(type)).toBytes();
  return sha256(Buffer.concat([head, sha256(kind), sha256(bytes)]));
}

/** A type as `std::type_name` spells it: an address of 64 digits without `0x`, module and name. */
function moveName(type: string): string {
  const [, address, name] = /^0x([0-9a-f]{1,64})(::\w+::\w+)$/.exec(type) ?? [];
  if (address === undefined)
    throw new ChainError('event', `Cannot follow log: ${JSON.stringify(type)} is no type of an event`);
  return address.padStart(64, '0') + name;
}
