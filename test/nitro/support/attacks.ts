import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Meddle } from './wiretap.ts';

const DELAY_MS = 500;
const GARBAGE_BYTES = 64 * 1024;
const MAX_GARBAGE_BYTES = 256 << 20;

/** What a host can do to the bytes that it carries; each lasts until `signal` fires. */
export const ATTACKS: Readonly<Record<string, (signal: AbortSignal) => Meddle>> = {
  corrupts: () => (chunk) => [flipBit(chunk)],
  truncates: () =>
    function* (chunk) {
      yield chunk.subarray(0, chunk.length >> 1);
      throw new Error('cut');
    },
  delays: () =>
    async function* (chunk) {
      await sleep(DELAY_MS);
      yield chunk;
    },
  reorders: () => (chunk) => [chunk.subarray(chunk.length >> 1), chunk.subarray(0, chunk.length >> 1)],
  floods: (signal) =>
    async function* (chunk, toGuest) {
      yield chunk;
      if (!toGuest) return;
      const garbage = randomBytes(GARBAGE_BYTES);
      for (let sent = 0; sent < MAX_GARBAGE_BYTES && !signal.aborted; sent += garbage.length) yield garbage;
      throw new Error('enough');
    },
};

function flipBit(chunk: Buffer): Buffer {
  const changed = Buffer.from(chunk);
  const index = changed.length >> 1;
  changed[index] = changed[index]! ^ 1;
  return changed;
}
