import { cancelRequest } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { execute } from '@daasvader/chain/submit.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { collectRequestIds, parseSeconds } from './arguments.ts';
import { openContext, type SignedOptions, withSigned } from './context.ts';
import { printJson } from './output.ts';
import { formatRequests, isDone, isSettled, type RequestRow, readRequests } from './requests.ts';
import { send } from './send.ts';
import { watchRequests } from './watch.ts';

interface CancelOptions extends SignedOptions {
  /** Seconds to wait for the settlement; undefined not to wait. */
  wait?: number;
}

/** `daas cancel`: calls off what is not done. */
export function cancelCommand(command: Command): void {
  withSigned(command)
    .argument('<request...>', 'numbers that daas deploy printed', collectRequestIds)
    .option(
      '--wait <seconds>',
      'wait until the control plane says what became of what was applied; exit 1 unless it has by then',
      parseSeconds,
    )
    .action(cancel);
}

async function cancel(given: bigint[], options: CancelOptions): Promise<void> {
  const context = await openContext(options);
  const ids = [...new Set(given)];
  const before = await readRequests(context.client, context.deployment, ids);
  const open = before.filter((row) => !isDone(row)).map(({ id }) => BigInt(id));
  for (const row of before) if (isDone(row) && row.status !== 'CANCELLED') tellTooLate(row);
  const digest = open.length > 0 ? await cancelOpen(open, options) : undefined;
  const until = options.wait === undefined ? isDone : isSettled;
  const rows = await watchRequests({ ...context, ids, until, seconds: options.wait });
  if (options.json) printJson({ digest, requests: rows });
  else process.stdout.write(formatRequests(rows));
  if (!rows.every((row) => row.status === 'CANCELLED' && until(row))) process.exitCode = 1;
}

function tellTooLate({ id, status }: RequestRow): void {
  const message = `Cannot cancel request ${id}: it is ${status}; daas delete takes away what it made`;
  process.stderr.write(`${message}\n`);
}

/** @returns the digest of the transaction */
async function cancelOpen(ids: bigint[], options: CancelOptions): Promise<string> {
  const build = (tx: Transaction, deployment: ContractIds) => {
    for (const id of ids) cancelRequest(tx, deployment, id);
  };
  const { submitted } = await send(options, build, execute);
  process.stderr.write(`cancelled: ${ids.map((id) => `request ${id}`).join(', ')}\n`);
  return submitted.digest;
}
