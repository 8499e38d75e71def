import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE } from '../image/file.ts';
import { RootfsError } from './error.ts';

const run = promisify(execFile);
const FOLDER = join(CACHE, 'node');

/**
 * Node without its symbols, a sixth smaller, kept in the cache.
 *
 * @param node the program
 * @param toolchain folder with the unpacked packages of the toolchain, named by a hash of them
 * @returns path of the stripped program
 * @throws RootfsError `tool`
 */
export async function stripNode(node: string, toolchain: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(node))
    .update(basename(toolchain));
  const file = join(FOLDER, hash.digest('hex').slice(0, 16));
  if (existsSync(file)) return file;
  await mkdir(FOLDER, { recursive: true });
  const part = `${file}.${process.pid}`;
  const env = { LD_LIBRARY_PATH: join(toolchain, 'usr/lib/x86_64-linux-gnu') };
  try {
    await run(join(toolchain, 'usr/bin/x86_64-linux-gnu-strip'), ['-o', part, node], { env });
    await rename(part, file);
    return file;
  } catch (cause) {
    await rm(part, { force: true });
    throw new RootfsError('tool', `Cannot strip ${node}`, { cause });
  }
}
