import { endOnBrokenOutput } from '@daasvader/program/standard-output.ts';
import { CommanderError } from 'commander';
import { describeFailure, failureJson } from './failure.ts';
import { printJson } from './output.ts';
import { runDaas } from './program.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

endOnBrokenOutput('daas');

try {
  await runDaas(process.argv.slice(2));
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`daas: ${describeFailure(error)}\n`);
    if (process.argv.includes('--json')) printJson(failureJson(error));
    process.exitCode = EXIT_FAILED;
  }
}
