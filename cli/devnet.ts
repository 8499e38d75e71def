import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { CliError } from './error.ts';

const PROGRAM = resolve(import.meta.dirname, '../testbed/devnet/main.ts');

/** `daas devnet`: a chain for development. It is a program of the testbed's, which no installed `daas` needs. */
export function devnetCommand(command: Command): void {
  command
    .usage('[options]')
    .argument('[options...]')
    .allowUnknownOption()
    .helpOption(false)
    .action((args: string[]) => becomeDevnet(args));
}

/** This process goes on as that program, so that whoever watches or signals it deals with the devnet itself. */
function becomeDevnet(args: readonly string[]): never {
  if (!existsSync(PROGRAM))
    throw new CliError(
      'testbed',
      `Cannot run a devnet: there is no ${PROGRAM}; it comes with the source repository, not with an installed daas`,
    );
  return process.execve!(
    process.execPath,
    [process.execPath, ...process.execArgv, PROGRAM, ...args],
    process.env,
  );
}
