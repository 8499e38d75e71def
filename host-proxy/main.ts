import { constants } from 'node:os';
import { printableJson, printableLines } from '@daasvader/attestation/printable.ts';
import { reasonOf } from '@daasvader/program/reason.ts';
import { endOnBrokenOutput, logOutput } from '@daasvader/program/standard-output.ts';
import { VsockError } from '@daasvader/vsock/vsock.ts';
import { Command, CommanderError, Option } from 'commander';
import { pino } from 'pino';
import { collectFees } from './collect-fees.ts';
import { readConfig } from './config.ts';
import { HostProxyError } from './error.ts';
import { HostProxy, type HostProxyOptions } from './host-proxy.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

endOnBrokenOutput('host-proxy');

const program = new Command('host-proxy')
  .description('carries bytes to and from the enclave and keeps it running')
  .exitOverride();

program
  .command('run')
  .description('run until SIGTERM or SIGINT, then drain')
  .requiredOption('--config <file>', 'nautilus-config.yaml')
  .addOption(
    new Option('--dev-enclave', 'run the enclave as an ordinary process with a software NSM')
      .default(false)
      .conflicts('emulator'),
  )
  .option('--emulator', "boot the image on QEMU's Nitro machine instead of running nitro-cli", false)
  .showHelpAfterError('(add --help for what it takes)')
  .action(run);

program
  .command('collect-fees')
  .description('have the fees of orders paid to the host whose enclave leads')
  .requiredOption('--config <file>', 'nautilus-config.yaml')
  .option('--json', 'print one line of JSON', false)
  .showHelpAfterError('(add --help for what it takes)')
  .action(async ({ config, json }: { config: string; json: boolean }) => {
    const collected = await collectFees(config);
    const { mist, host, digest } = collected;
    process.stdout.write(json ? `${JSON.stringify(collected)}\n` : `${mist} MIST for ${host} (${digest})\n`);
  });

async function run({ config: file, ...options }: HostProxyOptions & { config: string }): Promise<void> {
  const log = pino({ name: 'host-proxy' }, logOutput);
  const config = await readConfig(file);
  const proxy = await HostProxy.start(config, options, log);
  let draining = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (draining) return hurry(signal);
    draining = true;
    log.info({ signal, seconds: config.host.drain_seconds }, 'draining');
    await proxy.drain(config.host.drain_seconds * 1_000);
    log.info('drained');
    process.exit(0);
  };
  const hurry = (signal: NodeJS.Signals) => {
    log.warn(
      { signal },
      'ending without draining: an enclave that still runs is kept by the next host proxy',
    );
    process.exit(128 + constants.signals[signal]);
  };
  const obey = (signal: NodeJS.Signals) =>
    void stop(signal).catch((err: unknown) => {
      log.fatal({ err }, 'Cannot drain');
      process.exit(EXIT_FAILED);
    });
  process.on('SIGTERM', obey).on('SIGINT', obey);
  log.info('ready');
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else if (error instanceof HostProxyError || error instanceof VsockError) {
    const { code } = error;
    process.stderr.write(`host-proxy: ${printableLines(reasonOf(error))} [${code}]\n`);
    if (process.argv.includes('--json'))
      process.stdout.write(
        `${printableJson(JSON.stringify({ ok: false, code, message: reasonOf(error) }))}\n`,
      );
    process.exitCode = EXIT_FAILED;
  } else throw error;
}
