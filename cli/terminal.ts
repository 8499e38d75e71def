import { openSync } from 'node:fs';
import { ReadStream } from 'node:tty';

/** The terminal itself, as standard input may be a manifest; undefined where there is none. */
export function openTerminal(): ReadStream | undefined {
  try {
    return new ReadStream(openSync('/dev/tty', 'r'));
  } catch {
    return undefined;
  }
}
