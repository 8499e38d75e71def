import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { CliError } from './error.ts';
import { type SessionOptions, startSession, withSession } from './proxy/session.ts';

/** Options of every kubectl command that take what follows, as `kubectl options` lists them. */
const WITH_VALUE = [
  ...[
    '-n',
    '--namespace',
    '-v',
    '--v',
    '--vmodule',
    '--as',
    '--as-group',
    '--as-uid',
    '--as-user-extra',
    '--cache-dir',
  ],
  ...['--certificate-authority', '--client-certificate', '--client-key', '--kuberc', '--log-flush-frequency'],
  ...[
    '--password',
    '--profile',
    '--profile-output',
    '--proxy-url',
    '--request-timeout',
    '--tls-server-name',
    '--username',
  ],
];
/** What would have kubectl ask somebody else, or as somebody else. */
const ELSEWHERE = ['--kubeconfig', '--context', '--cluster', '--user', '--server', '-s', '--token'];

/** `daas kubectl`: one kubectl command whose writes are ordered on chain; its exit code becomes ours. */
export function kubectlCommand(command: Command): void {
  withSession(command)
    .argument('[args...]', 'of kubectl, after our options')
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText(
      'after',
      '\nRuns kubectl of PATH, or what KUBECTL names, and ends with its exit code. Each write is asked about on the\n' +
        'terminal, unless --yes --limit SUI stand before the arguments of kubectl.',
    )
    .action(async (args: string[], options: SessionOptions) => {
      assertHere(args);
      process.exit(await run(args, options)); // with the connections that there are
    });
}

function assertHere(args: readonly string[]): void {
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  const found = own.find((arg) => ELSEWHERE.includes(arg.split('=')[0] ?? ''));
  if (found !== undefined)
    throw new CliError(
      'kubernetes',
      `Cannot use ${found}: daas kubectl says itself which cluster is asked; leave it out`,
    );
  if (commandIn(own) === 'proxy')
    throw new CliError(
      'kubernetes',
      'Cannot run kubectl proxy: every program here could order through it; use daas proxy',
    );
}

/** The first argument that is neither an option nor the value of one. */
function commandIn(args: readonly string[]): string | undefined {
  return args.find((arg, index) => !arg.startsWith('-') && !WITH_VALUE.includes(args[index - 1] ?? ''));
}

/** @returns the exit code of kubectl, as a shell tells it */
async function run(args: readonly string[], options: SessionOptions): Promise<number> {
  let child: ChildProcess | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (child === undefined) process.exit(exitCodeOf(signal));
      if (signal !== 'SIGINT') child.kill(signal); // that one the terminal sends to kubectl too
    });
  const { kubeconfig, folder, close } = await startSession(options, 0);
  const env = { ...process.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, 'cache') };
  const program = process.env.KUBECTL || 'kubectl';
  child = spawn(program, args, { stdio: 'inherit', env });
  const [code, signal] = await once(child, 'exit').catch((cause: Error) => {
    close();
    const message = `Cannot run ${program}: ${cause.message}; install kubectl, or name one with KUBECTL`;
    throw new CliError('kubernetes', message, { cause });
  });
  return code ?? exitCodeOf(signal);
}

function exitCodeOf(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
