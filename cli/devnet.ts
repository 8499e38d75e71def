import { FRONTS } from '@daasvader/testbed/devnet/lying/lies.ts';
import { runDevnet } from '@daasvader/testbed/devnet/process.ts';
import { type Command, Option } from 'commander';
import { parseListenPort } from './arguments.ts';
import { readText } from './file.ts';

interface Options {
  port: number;
  host: string;
  state?: string;
  nitroRoot?: string;
  committeeSeed?: string;
  follow: boolean;
  json: boolean;
  lie?: string[];
}

/** `daas devnet`: a Sui-compatible chain for development, until it is interrupted. */
export function devnetCommand(command: Command): void {
  command
    .option('--port <number>', 'port to listen on; 0 takes a free one', parseListenPort, 9000)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option(
      '--state <directory>',
      'keep the chain in this directory; without it the chain ends with the process',
    )
    .option(
      '--nitro-root <file>',
      "PEM of the root that attestation documents must chain to; AWS's without it",
    )
    .option('--committee-seed <text>', 'text that all keys of a new chain derive from; random without it')
    .option('--follow', 'print a line for each transaction', false)
    .option('--json', 'print JSON, a line each: {url, chainId, accounts, lying} and what is followed', false)
    .addOption(
      new Option(
        '--lie <kind...>',
        'open one more port for each kind, whose full node lies about checkpoints so, to test what believes nothing',
      ).choices(Object.keys(FRONTS)),
    )
    .action(run);
}

async function run({
  port,
  host,
  state,
  nitroRoot,
  committeeSeed,
  follow,
  json,
  lie,
}: Options): Promise<void> {
  await runDevnet({
    port,
    host,
    follow,
    json,
    ...(lie !== undefined && { lies: lie }),
    ...(state !== undefined && { stateDir: state }),
    ...(nitroRoot !== undefined && { nitroRootPem: await readText(nitroRoot, 'the root') }),
    ...(committeeSeed !== undefined && { committeeSeed }),
  });
}
