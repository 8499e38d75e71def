import { once } from 'node:events';
import { constants } from 'node:os';
import type { Command } from 'commander';
import { parsePort } from './arguments.ts';
import { printLine } from './output.ts';
import { type SessionOptions, startSession, withSession } from './proxy/session.ts';
import { tell } from './verified-control-plane.ts';

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** `daas proxy`: the API of Kubernetes on loopback, whose writes are ordered on chain, until Ctrl-C. */
export function proxyCommand(command: Command): void {
  withSession(command)
    .option('--port <port>', 'on loopback; any that is free when left out', parsePort)
    .addHelpText(
      'after',
      '\nPrints the KUBECONFIG to export, whose secret ends with this command. Each write is asked about on the\n' +
        'terminal, unless --yes --limit SUI are given.',
    )
    .action(serve);
}

async function serve(options: SessionOptions & { port?: string }): Promise<void> {
  const ending = Promise.race(ENDING.map((signal) => once(process, signal).then(() => signal)));
  const session = startSession(options, Number(options.port ?? 0), tell);
  const begun = await Promise.race([session, ending]);
  if (typeof begun === 'object') {
    printLine(`export KUBECONFIG=${begun.kubeconfig}`);
    const { url, namespace } = begun;
    process.stderr.write(
      `proxy: serves ${url} for kubectl, helm and others, in ${namespace}, until Ctrl-C\n`,
    );
  }
  process.exit(128 + constants.signals[await ending]); // with the connections that there are
}
