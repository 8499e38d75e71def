import { printable } from '@daasvader/attestation/printable.ts';
import { type Submitted, submit } from '@daasvader/chain/submit.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Transaction } from '@mysten/sui/transactions';
import { type Context, type DeploymentOptions, openContext, type WalletOptions } from './context.ts';
import { openWallet } from './wallet/open.ts';

/** A transaction that was executed, where, and for whom. */
export interface Sent extends Context {
  sender: string;
  submitted: Submitted;
}

/**
 * Signs with the wallet of the options what `build` makes for their cluster, and executes it.
 *
 * @param how `execute` for what need not be shown by the full node yet
 */
export async function send(
  options: DeploymentOptions & WalletOptions,
  build: (tx: Transaction, ids: Context['deployment'], sender: string) => void,
  how = submit,
): Promise<Sent> {
  return sendAs(await openWallet(options), await openContext(options), build, how);
}

/** The same with a wallet and a cluster that are open already. */
export async function sendAs(
  wallet: Signer,
  context: Context,
  build: (tx: Transaction, ids: Context['deployment'], sender: string) => void,
  how = submit,
): Promise<Sent> {
  const sender = wallet.toSuiAddress();
  const submitted = await how(context.client, wallet, (tx) => build(tx, context.deployment, sender));
  // Before anything else can fail: who does not know that it was executed would do it again.
  process.stderr.write(`executed: ${printable(submitted.digest)}\n`);
  return { ...context, sender, submitted };
}
