import type { KubernetesRequestArgs } from '@daasvader/chain/calls/user.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { Signer } from '@mysten/sui/cryptography';
import { type Command, Option } from 'commander';
import {
  type ApiOptions,
  type Context,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
} from '../context.ts';
import { currentCredential } from '../credential/current.ts';
import { CliError } from '../error.ts';
import { exchange, type KubernetesAnswer } from '../kube/exchange.ts';
import type { Kubernetes } from '../kube/request.ts';
import { openWallet } from '../wallet/open.ts';
import { pathOfObject, type TenantObject } from './objects.ts';

/** Whose objects are meant, and the control plane that may be asked about them. */
export interface SessionOptions extends DeploymentOptions, WalletOptions, Partial<ApiOptions> {
  namespace?: string;
}

/** Adds `--api`, which must be given if `needsApi`, and `--namespace`. */
export function withSession(command: Command, needsApi: boolean): Command {
  return withApi(command, needsApi).addOption(
    new Option(
      '-n, --namespace <name>',
      'a namespace of yours, or one where you were given a role; default means your own',
    ),
  );
}

/** Who orders, and where. */
export interface Session {
  readonly wallet: Signer;
  readonly context: Context;
  /** Verifies the control plane unless that was done lately. */
  readonly connect: () => Promise<Kubernetes>;
}

/** Opens the wallet and the cluster that the options name; nothing is asked of a control plane yet. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { api, root } = options;
  const wallet = await openWallet(options);
  const context = await openContext(options);
  const connect = async () => {
    if (api === undefined)
      throw new CliError('kubernetes', 'Cannot ask the control plane: name it with --api');
    return currentCredential(
      { context, api: { api, ...(root !== undefined && { root }) }, wallet },
      () => {},
    );
  };
  return { wallet, context, connect };
}

/** Sends a request about an object to Kubernetes itself, as the user. */
export function ask(
  kubernetes: Kubernetes,
  wallet: Signer,
  object: TenantObject,
  { method, query, contentType, body }: Omit<KubernetesRequestArgs, 'path'>,
): Promise<KubernetesAnswer> {
  // Of a user's own credential `default` is Kubernetes's namespace of that name, and not the user's.
  const namespace = object.namespace === 'default' ? namespaceOf(wallet.toSuiAddress()) : object.namespace;
  const path = `${pathOfObject({ ...object, namespace })}${query && `?${query}`}`;
  const content = body.length > 0 ? { contentType, body } : {};
  return exchange(kubernetes, { method, path, ...content });
}

/** What reads an object. */
export const READ = { method: 'GET', query: '', contentType: '', body: new Uint8Array() };
