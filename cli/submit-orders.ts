import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { contractEvents, execute } from '@daasvader/chain/submit.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parseSeconds } from './arguments.ts';
import { type SignedOptions, withSigned } from './context.ts';
import { printJson } from './output.ts';
import { formatRequests, isDone, type RequestRow } from './requests.ts';
import { send } from './send.ts';
import { watchRequests } from './watch.ts';

/** What every command that orders takes. */
export interface SubmitOptions extends SignedOptions {
  /** Seconds to wait for the outcome; undefined not to wait. */
  wait?: number;
}

/** Adds the options of {@link SubmitOptions}. */
export function submitting(command: Command): Command {
  return withSigned(command).option(
    '--wait <seconds>',
    'wait for the outcome; exit 1 unless it is COMPLETED by then',
    parseSeconds,
  );
}

/** Sends orders in one transaction and prints what became of them; exit 1 unless they are as was waited for. */
export async function submitOrders(
  options: SubmitOptions,
  build: (tx: Transaction, ids: ContractIds, requester: string) => void,
): Promise<void> {
  const { client, deployment, submitted } = await send(options, build, execute);
  const ids = contractEvents(submitted, deployment.originalPackageId).flatMap((event) =>
    event.kind === 'K8sAPIRequestScheduledEvent' || event.kind === 'KubernetesRequestEvent'
      ? [BigInt(event.requestId)]
      : [],
  );
  process.stderr.write(`ordered: ${ids.map((id) => `request ${id}`).join(', ')}\n`);
  const until = options.wait === undefined ? () => true : isDone;
  const rows = await watchRequests({ client, deployment, ids, until, seconds: options.wait });
  report(rows, submitted.digest, options);
}

function report(rows: RequestRow[], digest: string, options: SubmitOptions): void {
  if (options.json) printJson({ digest, requests: rows });
  else process.stdout.write(formatRequests(rows));
  if (options.wait !== undefined && rows.some(({ status }) => status !== 'COMPLETED')) process.exitCode = 1;
}
