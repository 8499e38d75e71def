import { type AdminIds, isAdmin } from '@daasvader/chain/calls/admin.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { SignedOptions } from '../context.ts';
import { CliError } from '../error.ts';
import { printJson, printLine } from '../output.ts';
import { send } from '../send.ts';

/** Sends what `build` makes and prints the transaction. */
export async function sendAsAdmin(
  options: SignedOptions,
  build: (tx: Transaction, ids: Deployment & AdminIds) => void,
): Promise<void> {
  const { submitted } = await send(options, (tx, deployment) => build(tx, adminIds(deployment)));
  const { digest } = submitted;
  report(options, { digest }, `done (${digest}); daas admin proposals shows what waits and until when`);
}

/** @throws CliError `file` when the deployment file names no capability */
export function adminIds(deployment: Deployment): Deployment & AdminIds {
  if (isAdmin(deployment)) return deployment;
  throw new CliError('file', 'Cannot act as admin: the deployment file names no adminCapId');
}

/** Prints `value` for programs, or `text` for people. */
export function report({ json }: { json?: boolean }, value: object, text: string): void {
  if (json) printJson(value);
  else printLine(text);
}
