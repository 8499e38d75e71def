import { printableLines } from '@daasvader/attestation/printable.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { endOnBrokenOutput } from '@daasvader/program/standard-output.ts';
import { CommanderError } from 'commander';
import { devnetCommand } from './command.ts';

// The devnet as a program of its own; `daas devnet` becomes this process.

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

endOnBrokenOutput('devnet');

try {
  await devnetCommand().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`devnet: ${printableLines(reasonOf(error))}\n`);
    if (process.argv.includes('--json')) console.log(JSON.stringify({ ok: false, message: reasonOf(error) }));
    process.exitCode = EXIT_FAILED;
  }
}
