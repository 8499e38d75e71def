import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { HostProxyError } from './error.ts';

/** An event of the chain may have 256,000 bytes. */
const MAX_BCS_BASE64 = 345_000;
/** An event as it is stored, with all that stands around its bytes. */
const MAX_LINE_BYTES = MAX_BCS_BASE64 + 4_096;
const NEWLINE = 0x0a;
/** How much one answer may hold, in bytes of stored lines. */
const MAX_ANSWER_BYTES = 4 << 20;

/** One event of a log: its BCS bytes are what the log's head commits to. */
export const storedEventSchema = z.strictObject({
  seq: z.int().min(1),
  /** Full Move type, `0x…::module::Name`. */
  type: z.string().max(512),
  bcs: z.base64().max(MAX_BCS_BASE64),
  /** Digest of the transaction that emitted it. */
  digest: z.string().max(64).optional(),
});

/** See {@link storedEventSchema}. */
export type StoredEvent = z.infer<typeof storedEventSchema>;

/**
 * One event log on disk: a JSON line per event, sequence numbers from 1 without gaps. What was acknowledged survives
 * kill -9 and power loss; a line that was being written then is cut off when the log is opened again.
 *
 *     {"seq":1,…}\n{"seq":2,…}\n{"seq":3,…        ← torn: removed
 *     ^ends[0]=0  ^ends[1]    ^ends[2]
 */
export class EventStore {
  readonly #file: FileHandle;
  /** Where each line ends; event n lies between ends[n - 1] and ends[n]. */
  readonly #ends: number[];
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle, ends: number[]) {
    this.#file = file;
    this.#ends = ends;
  }

  /** @throws {HostProxyError} `store` when a complete line is not the event that belongs there */
  static async open(path: string): Promise<EventStore> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a+', 0o600);
    try {
      const ends = await scan(file, path);
      await file.truncate(ends.at(-1) ?? 0);
      await file.sync();
      await syncFolder(dirname(path));
      return new EventStore(file, ends);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Sequence number that the next new event must have. */
  get next(): number {
    return this.#ends.length;
  }

  /**
   * Appends what is new of `events`; what is stored already must be the same. Resolves when it is on disk.
   *
   * @returns how many were new
   * @throws {HostProxyError} `conflict` on a gap or a different event under the same number; nothing is stored then
   */
  append(events: readonly StoredEvent[]): Promise<number> {
    return this.#inOrder(async () => {
      const fresh: string[] = [];
      for (const event of events) {
        const line = encode(event);
        if (event.seq < this.next) await this.#assertSame(event.seq, line);
        else if (event.seq === this.next + fresh.length) fresh.push(line);
        else throw new HostProxyError('conflict', `Cannot append event ${event.seq}: next is ${this.next}`);
      }
      if (fresh.length > 0) await this.#write(fresh);
      return fresh.length;
    });
  }

  /** The events from `from` on, as many as one answer holds. */
  read(from: number): Promise<StoredEvent[]> {
    return this.#inOrder(async () => {
      const start = this.#ends[from - 1];
      if (start === undefined || from >= this.next) return [];
      const last = this.#ends.findLastIndex((end) => end - start <= MAX_ANSWER_BYTES);
      const text = await this.#slice(start, this.#ends[Math.max(last, from)] ?? start);
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
    });
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#file.close();
  }

  async #write(lines: string[]): Promise<void> {
    const start = this.#ends.at(-1) ?? 0;
    try {
      await this.#file.appendFile(lines.join(''));
      await this.#file.datasync();
    } catch (cause) {
      await this.#file.truncate(start);
      throw new HostProxyError('store', `Cannot append to the event log: ${(cause as Error).message}`, {
        cause,
      });
    }
    let end = start;
    for (const line of lines) {
      end += Buffer.byteLength(line);
      this.#ends.push(end);
    }
  }

  async #assertSame(seq: number, line: string): Promise<void> {
    const stored = await this.#slice(this.#ends[seq - 1] ?? 0, this.#ends[seq] ?? 0);
    if (stored !== line) {
      throw new HostProxyError(
        'conflict',
        `Cannot append event ${seq}: a different one is stored under that number`,
      );
    }
  }

  async #slice(start: number, end: number): Promise<string> {
    const { buffer } = await this.#file.read(Buffer.alloc(end - start), 0, end - start, start);
    return buffer.toString();
  }

  #inOrder<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(step);
    this.#queue = done.catch(() => {}); // its own caller hears of it
    return done;
  }
}

function encode({ seq, type, bcs, digest }: StoredEvent): string {
  return `${JSON.stringify({ seq, type, bcs, digest })}\n`;
}

/** Finds the line ends of a log, up to a torn last line, holding no more than a line of it in memory. */
async function scan(file: FileHandle, path: string): Promise<number[]> {
  const ends = [0];
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      assertLine(rest.subarray(0, end).toString(), ends.length, path);
      ends.push((ends.at(-1) ?? 0) + end + 1);
      rest = rest.subarray(end + 1);
    }
    if (rest.length > MAX_LINE_BYTES) assertLine('', ends.length, path);
  }
  return ends;
}

function assertLine(line: string, seq: number, path: string): void {
  try {
    if (storedEventSchema.parse(JSON.parse(line)).seq === seq) return;
  } catch (cause) {
    throw new HostProxyError('store', `Cannot use ${path}: line ${seq} is damaged; move the file away`, {
      cause,
    });
  }
  throw new HostProxyError(
    'store',
    `Cannot use ${path}: line ${seq} is not event ${seq}; move the file away`,
  );
}

/** A new file survives power loss only when its folder was synced too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
