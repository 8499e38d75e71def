import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { contractEvents, execute } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parseSeconds } from './arguments.ts';
import { type Context, openContext, type SignedOptions, withSigned } from './context.ts';
import { printJson } from './output.ts';
import { formatRequests, isDone, type RequestRow } from './requests.ts';
import { sendAs } from './send.ts';
import { openWallet } from './wallet/open.ts';
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

/** Adds what makes the orders to a transaction. */
export type BuildOrders = (tx: Transaction, ids: ContractIds, requester: string) => void;

/** Orders that were sent in one transaction. */
export interface Ordered {
  digest: string;
  /** Of the requests, in the order in which they were asked for. */
  ids: bigint[];
}

/** Sends orders in one transaction and prints what became of them; exit 1 unless they are as was waited for. */
export async function submitOrders(
  options: SubmitOptions,
  build: BuildOrders,
  open?: { wallet: Signer; context: Context },
): Promise<void> {
  const { wallet, context } = open ?? {
    wallet: await openWallet(options),
    context: await openContext(options),
  };
  const { digest, ids } = await sendOrders(wallet, context, build);
  const rows = await waitForOrders(context, ids, options.wait);
  if (options.json) printJson({ digest, requests: rows });
  else process.stdout.write(formatRequests(rows));
  if (options.wait !== undefined && rows.some(({ status }) => status !== 'COMPLETED')) process.exitCode = 1;
}

/** Sends orders in one transaction, and tells stderr their numbers. */
export async function sendOrders(wallet: Signer, context: Context, build: BuildOrders): Promise<Ordered> {
  const { submitted } = await sendAs(wallet, context, build, execute);
  const ids = contractEvents(submitted, context.deployment.originalPackageId).flatMap((event) =>
    event.kind === 'K8sAPIRequestScheduledEvent' || event.kind === 'KubernetesRequestEvent'
      ? [BigInt(event.requestId)]
      : [],
  );
  process.stderr.write(`ordered: ${ids.map((id) => `request ${id}`).join(', ')}\n`);
  return { digest: submitted.digest, ids };
}

/**
 * Waits until orders are done.
 *
 * @param seconds undefined: only until the full node shows them
 * @param onChange is told of each that is read for the first time, or with another status
 */
export function waitForOrders(
  context: Context,
  ids: readonly bigint[],
  seconds: number | undefined,
  onChange?: (row: RequestRow) => void,
): Promise<RequestRow[]> {
  const until = seconds === undefined ? () => true : isDone;
  return watchRequests({ ...context, ids, until, seconds, onChange });
}
