import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';

/**
 * Writes a new file for its owner alone to read, whole or not at all: what a full disk cut off would be there for ever.
 *
 * @throws what the system says, `EEXIST` when there is such a file
 */
export async function createPrivate(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx', flush: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') await rm(file, { force: true });
    throw error;
  }
}

/**
 * Writes a file for its owner alone to read, whole or not at all, also when there is one that others may read.
 *
 * @throws what the system says
 */
export async function replacePrivate(file: string, text: string): Promise<void> {
  const unfinished = `${file}.${randomBytes(4).toString('hex')}`;
  await createPrivate(unfinished, text);
  try {
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}
