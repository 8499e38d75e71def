import { parseArgs } from 'node:util';

/** How to call it. */
export const USAGE =
  'bin/conformance [--focus REGEX] [--processes N] [--deadline MINUTES], or make conformance FOCUS=REGEX';

/** How the suite is run. */
export interface SuiteOptions {
  /** Of the specs called Conformance, those whose name this matches, as Go's regexp does; empty for all. */
  readonly focus: string;
  /** Specs at once, but for those that run alone. */
  readonly processes: number;
  /** After which what still runs is interrupted, in minutes. */
  readonly deadline: number;
}

/** Specs mostly wait, so more run at once than there are processors. Two cores take 45 minutes for all. */
export const DEFAULTS: SuiteOptions = { focus: '', processes: 12, deadline: 120 };

/**
 * Reads the command line.
 *
 * @throws Error saying what is wrong and how to call it
 */
export function readOptions(args: readonly string[]): SuiteOptions {
  const { focus, processes, deadline } = parse(args);
  return {
    focus: focus ?? DEFAULTS.focus,
    processes: readCount('processes', processes, DEFAULTS.processes),
    deadline: readCount('deadline', deadline, DEFAULTS.deadline),
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({ args: [...args], options: { focus: text, processes: text, deadline: text } }).values;
  } catch (cause) {
    throw new Error(`Cannot start: ${(cause as Error).message}; ${USAGE}`, { cause });
  }
}

function readCount(name: string, value: string | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (!/^[1-9]\d{0,2}$/.test(value))
    throw new Error(`Cannot start: --${name} is "${value}", give 1 to 999; ${USAGE}`);
  return Number(value);
}
