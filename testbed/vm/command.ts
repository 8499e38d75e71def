import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { VmError } from './error.ts';

const execute = promisify(execFile);

/**
 * Runs a system tool and returns its standard output.
 * @throws VmError `command` with what the tool wrote to standard error
 */
export async function command(file: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await execute(file, args, { maxBuffer: 16 * 1024 * 1024 });
    return stdout;
  } catch (cause) {
    const detail = (cause as { stderr?: string }).stderr?.trim() || (cause as Error).message;
    throw new VmError('command', `Cannot run ${file} ${args.join(' ')}: ${detail}`, { cause });
  }
}
