import { once } from 'node:events';
import { printable } from '@daasvader/attestation/printable.ts';
import type { Command } from 'commander';
import { parseCount } from './arguments.ts';
import { printLog } from './kube/logs.ts';
import { type KubeOptions, openKube, withKube } from './kube/open.ts';

const PATIENCE = { retryMs: 1_000, giveUpMs: 120_000 };

interface LogsOptions extends KubeOptions {
  follow?: boolean;
  container?: string;
  tail?: bigint;
  previous?: boolean;
  timestamps?: boolean;
}

/** `daas logs`: what a pod prints, also over the end of connections, credentials and pods. */
export function logsCommand(command: Command): void {
  withKube(command)
    .argument('<name>', 'of a pod, or of what daas deploy made')
    .option('-f, --follow', 'go on as it prints more, until it has ended or Ctrl-C')
    .option('-c, --container <name>', 'of the pod, where there are several')
    .option('--tail <lines>', 'begin with that many from its end', parseCount)
    .option('-p, --previous', 'of the container before it was started again')
    .option('--timestamps', 'show when each line was printed')
    .action(async (name: string, options: LogsOptions) => {
      const { follow = false, previous = false, timestamps = false, namespace, container, tail } = options;
      const query = { name, namespace, container, tail: tail?.toString(), previous, timestamps, follow };
      await printLog(await openKube(options), query, { line: printed, tell: told }, PATIENCE);
    });
}

/** As it was printed, colours and all; waits while nobody reads. */
async function printed(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain');
}

function told(text: string): void {
  process.stderr.write(`logs: ${printable(text)}\n`);
}
