import type { Command } from 'commander';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
  withDeployment,
  withWallet,
} from '../context.ts';
import { currentCredential } from '../credential/current.ts';
import type { Credential } from '../credential/issue.ts';
import { openWallet } from '../wallet/open.ts';

/** Whose Kubernetes, and where in it. */
export interface KubeOptions extends DeploymentOptions, WalletOptions, ApiOptions {
  namespace?: string;
}

/** Gives a credential of now, however long the command runs. */
export type Connect = () => Promise<Credential>;

/** Adds what says whose Kubernetes is meant. */
export function withKube(command: Command): Command {
  return withApi(withWallet(withDeployment(command))).option(
    '--namespace <name>',
    'your own when left out, or the one where you were given a role',
  );
}

/** Opens the wallet; the control plane is verified as {@link currentCredential} says. */
export async function openKube(options: KubeOptions): Promise<Connect> {
  const wallet = await openWallet(options);
  const context = await openContext(options);
  return () => currentCredential({ context, api: options, wallet }, () => {});
}
