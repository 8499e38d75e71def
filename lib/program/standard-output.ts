import { writeSync } from 'node:fs';
import { printableJson } from '@daasvader/attestation/printable.ts';
import { reasonOf } from './reason.ts';

const EXIT_FAILED = 1;

/**
 * Ends a command with one line and exit code 1 when nobody takes what it prints: a full disk, a closed pipe.
 *
 * @param name of the command, for that line
 */
export function endOnBrokenOutput(name: string): void {
  process.stdout.on('error', (error) => {
    process.stderr.write(`${name}: Cannot print: ${reasonOf(error)}\n`);
    process.exit(EXIT_FAILED);
  });
  process.stderr.on('error', () => process.exit(EXIT_FAILED)); // there is nowhere left to say why
}

/** Where a daemon logs: standard output, while it takes lines. A full disk costs the log, not the daemon. */
export const logOutput = {
  write(line: string): void {
    try {
      const bytes = Buffer.from(printableJson(line));
      for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
    } catch {
      // Nothing is there to tell it to: this was the log.
    }
  },
};
