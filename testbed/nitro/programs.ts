import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EmulatorError } from './error.ts';

const BUILD = join(import.meta.dirname, 'build');

/**
 * Builds QEMU and the vsock device, or finds them in the cache. The first time takes about five minutes; progress goes
 * to standard error.
 *
 * @returns the directory that `Machine.boot` wants as `programs`
 * @throws EmulatorError `build`
 */
export async function buildPrograms(): Promise<string> {
  const child = spawn(BUILD, { stdio: ['ignore', 'pipe', 'inherit'] });
  const failed = once(child, 'error').then(([cause]) => {
    throw new EmulatorError('build', `Cannot run ${BUILD}`, { cause });
  });
  const [directory, [code]] = await Promise.race([
    Promise.all([text(child.stdout), once(child, 'close')]),
    failed,
  ]);
  if (code !== 0) throw new EmulatorError('build', `Cannot build the emulator: ${BUILD} exited with ${code}`);
  return directory.trim();
}
