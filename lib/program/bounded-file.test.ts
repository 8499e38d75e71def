import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { readBounded } from './bounded-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'bounded-'));
const file = join(directory, 'file');

afterAll(() => rmSync(directory, { recursive: true }));

it('reads a file of up to the limit, and refuses one byte more', async () => {
  for (const size of [0, 1, 99, 100]) {
    writeFileSync(file, Buffer.alloc(size, 7));
    expect(await readBounded(file, 100)).toEqual(Buffer.alloc(size, 7));
  }
  writeFileSync(file, Buffer.alloc(101));
  await expect(readBounded(file, 100)).rejects.toThrow(RangeError);
});

it('takes no memory for a file of gigabytes or a device without end', async () => {
  writeFileSync(file, '');
  truncateSync(file, 3 * 2 ** 30);
  const before = process.memoryUsage().arrayBuffers;
  for (const path of [file, '/dev/zero'])
    await expect(readBounded(path, 1_000)).rejects.toThrow('more than 1000 bytes');
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
});

it('reads a pipe in pieces', async () => {
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const [text] = await Promise.all([readBounded(pipe, 1 << 20), writeFile(pipe, 'x'.repeat(300_000))]);
  expect(text.toString()).toBe('x'.repeat(300_000));
});

it('says what the system says of what cannot be read', async () => {
  await expect(readBounded(join(directory, 'none'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(readBounded(directory, 10)).rejects.toMatchObject({ code: 'EISDIR' });
});
