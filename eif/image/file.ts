import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where builds keep what is expensive, outside the clone. */
export const CACHE = process.env.DAAS_CACHE ?? join(homedir(), '.cache/daasvader');

/** SHA-256 in lowercase hexadecimal. */
export async function sha256(content: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content.stream()) hash.update(chunk);
  return hash.digest('hex');
}

/** Writes a file so that nobody ever sees a part of it. */
export async function replaceFile(file: string, content: Blob): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  try {
    await writeFile(part, content.stream());
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}
