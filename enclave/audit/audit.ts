import { createHash } from 'node:crypto';
import { History } from './history.ts';

/** What was done, for whom and on which word of the chain. */
export interface AuditRecord {
  readonly action: string;
  /** What was acted upon: a node, an object, an address. */
  readonly subject: string;
  readonly requestId?: string;
  readonly result: string;
}

/** A record as it stands in the chain of records. */
export interface AuditEntry extends AuditRecord {
  readonly seq: number;
  readonly timestampMs: number;
}

/** Entries kept in memory for the history; the head covers all of them, and the log holds all of them. */
const KEPT = 1_000;

/**
 * The hash chain of everything the enclave did: `head = SHA-256(previous head ‖ JSON(entry))`, starting at 32 zero
 * bytes. The head goes on chain with each heartbeat, so the log that the host keeps can be checked afterwards.
 */
export class Audit {
  #head: Uint8Array = new Uint8Array(32);
  #seq = 0;
  readonly #history = new History(KEPT);
  readonly #write: (entry: AuditEntry) => void;
  readonly #now: () => number;

  /** @param write where each entry goes, beside the memory: the log */
  constructor(write: (entry: AuditEntry) => void, now: () => number = Date.now) {
    this.#write = write;
    this.#now = now;
  }

  /** The hash over every entry so far, 32 bytes. */
  get head(): Uint8Array {
    return this.#head;
  }

  /** What happened lately, newest first. */
  recent(): readonly AuditEntry[] {
    return this.#history.recent;
  }

  /** Adds a record and returns its entry. */
  append(record: AuditRecord): AuditEntry {
    this.#seq += 1;
    const entry = { seq: this.#seq, timestampMs: this.#now(), ...record };
    this.#head = foldEntry(this.#head, entry);
    this.#history.add(entry);
    this.#write(entry);
    return entry;
  }
}

/** The head after `entry`, for those who check a log: the entry's own JSON, its keys in the order they have. */
export function foldEntry(head: Uint8Array, entry: AuditEntry): Uint8Array {
  return createHash('sha256').update(head).update(JSON.stringify(entry)).digest();
}
