import { readBounded } from '@daasvader/program/bounded-file.ts';
import { Command, InvalidArgumentError, Option } from 'commander';
import { DevnetError } from './error.ts';
import { FRONTS } from './lying/lies.ts';
import { runDevnet } from './process.ts';

/** Far above a certificate. */
const MAX_PEM_BYTES = 1 << 16;

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

/** `daas devnet`: a Sui-compatible chain for development, until it is interrupted. Wrong usage throws. */
export function devnetCommand(): Command {
  return new Command('daas devnet')
    .description('Run a Sui-compatible chain for development: gRPC, faucet and funded accounts on one port')
    .option('--port <number>', 'port to listen on; 0 takes a free one', parsePort, 9000)
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
    .exitOverride()
    .showHelpAfterError('(add --help for what it takes)')
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
    ...(nitroRoot !== undefined && { nitroRootPem: await readRoot(nitroRoot) }),
    ...(committeeSeed !== undefined && { committeeSeed }),
  });
}

function parsePort(text: string): number {
  if (/^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('It is not a port, 0 to 65535.');
}

async function readRoot(file: string): Promise<string> {
  try {
    return (await readBounded(file, MAX_PEM_BYTES)).toString('utf8');
  } catch (cause) {
    const message = `Cannot read the root ${file}`;
    throw new DevnetError('INVALID_ARGUMENT', message, { cause });
  }
}
