import { expect, test } from 'vitest';
import { limitMessages, type StreamLimits } from './message-limit.ts';

const LIMITS: StreamLimits = { messageBytes: 100, burstBytes: 1 << 20, bytesPerSecond: 1 << 20 };

function message(length: number, announced = length): Uint8Array {
  const bytes = Buffer.alloc(5 + length, 'x');
  bytes[0] = 0;
  bytes.writeUInt32BE(announced, 1);
  return bytes;
}

/** What comes out when `bytes` come in pieces of `size`. */
async function through(bytes: Uint8Array, size: number, limits = LIMITS): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  const passed: Uint8Array[] = [];
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  });
  for await (const chunk of source.pipeThrough(limitMessages(limits))) passed.push(chunk);
  return Buffer.concat(passed);
}

test.each([1, 2, 3, 7, 64, 10_000])(
  'messages within the limit pass unchanged in pieces of %d',
  async (size) => {
    const stream = Buffer.concat([message(100), message(0), message(1), message(99)]);
    expect((await through(stream, size)).equals(stream)).toBe(true);
  },
);

test('any number of messages pass, however much they are together', async () => {
  const stream = Buffer.concat(Array.from({ length: 2_000 }, () => message(100)));
  expect(await through(stream, 4_096)).toHaveLength(stream.length);
});

test.each([1, 5, 10_000])(
  'a message announced to be too long breaks the stream at once, in pieces of %d',
  async (size) => {
    const stream = Buffer.concat([message(100), message(3, 0xffff_ffff)]);
    await expect(through(stream, size)).rejects.toThrow('a message of 4294967295 bytes is announced');
  },
);

test('what comes faster than it may is read later', async () => {
  const began = performance.now();
  const stream = Buffer.concat(Array.from({ length: 20 }, () => message(95)));
  await through(stream, 100, { messageBytes: 100, burstBytes: 1_000, bytesPerSecond: 10_000 });
  expect(performance.now() - began).toBeGreaterThan(90); // 1,000 bytes more than the burst, at 10 a millisecond
});
