import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { vi } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const TOLD_TIMEOUT_MS = 120_000;

/** How a program ended, and all that it printed. */
export interface Outcome {
  /** As a shell tells it: 130 for one that SIGINT has ended. */
  readonly code: number | null;
  readonly output: string;
}

/** A program that runs. */
export interface Program {
  readonly child: ChildProcess;
  readonly ended: Promise<Outcome>;
  /** Resolves once it has printed the text. */
  told(text: string): Promise<unknown>;
}

/** Starts a program in the root of the clone, as a person does. */
export function startProgram(...argv: string[]): Program {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: signal === 'SIGINT' ? 130 : code,
    output,
  }));
  const told = (text: string) => vi.waitUntil(() => output.includes(text), { timeout: TOLD_TIMEOUT_MS });
  return { child, ended, told };
}

/** Runs a program to its end. */
export function runProgram(...argv: string[]): Promise<Outcome> {
  return startProgram(...argv).ended;
}
