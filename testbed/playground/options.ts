import { parseArgs } from 'node:util';

/** Each takes 420 MB. */
const MAX_WORKERS = 8;
const USAGE = 'bin/up [--workers N] [--nitro], or make up WORKERS=N NITRO=1';

/** What a playground is made of. */
export interface PlaygroundOptions {
  readonly workers: number;
  /** Whether the enclave is the real image on the emulated machine. */
  readonly nitro: boolean;
}

/**
 * Reads the command line.
 *
 * @throws Error saying what is wrong and how to call it
 */
export function readOptions(args: readonly string[]): PlaygroundOptions {
  const { workers, nitro } = parse(args);
  if (!/^\d{1,3}$/.test(workers) || Number(workers) > MAX_WORKERS)
    throw new Error(`Cannot start ${workers || 'no number of'} workers: give 0 to ${MAX_WORKERS}; ${USAGE}`);
  return { workers: Number(workers), nitro };
}

/** The same as a command line. */
export function toArguments({ workers, nitro }: PlaygroundOptions): string[] {
  return ['--workers', `${workers}`, ...(nitro ? ['--nitro'] : [])];
}

function parse(args: readonly string[]) {
  const options = {
    workers: { type: 'string', default: '1' },
    nitro: { type: 'boolean', default: false },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    throw new Error(`Cannot start: ${(cause as Error).message}; ${USAGE}`, { cause });
  }
}
