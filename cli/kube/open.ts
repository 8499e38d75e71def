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

/** For a credential of ten minutes, nearly all of them: a shell ends with it. */
export const LONG_MS = 540_000;

/**
 * Opens the wallet; the control plane is verified as {@link currentCredential} says.
 *
 * @param minLeftMs for how long credentials are good at least; connections end with them
 */
export async function openKube(options: KubeOptions, minLeftMs?: number): Promise<Connect> {
  const wallet = await openWallet(options);
  const context = await openContext(options);
  return () => currentCredential({ context, api: options, wallet }, () => {}, minLeftMs);
}
