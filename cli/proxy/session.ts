import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrivate } from '@daasvader/program/private-file.ts';
import { generateSelfSigned } from '@daasvader/program/self-signed.ts';
import type { CheckPassed } from '@daasvader/verifier/checks.ts';
import { type Command, Option } from 'commander';
import { parseSui } from '../arguments.ts';
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
import { CliError } from '../error.ts';
import { openWallet } from '../wallet/open.ts';
import { type WalrusOptions, withWalrus } from '../walrus.ts';
import { WalletChain } from './chain.ts';
import { Person, SpendingLimit } from './consent.ts';
import { Orders } from './orders.ts';
import { startProxy } from './server.ts';
import { Upstream } from './upstream.ts';

/** Whose cluster it is, and what may be signed. */
export interface SessionOptions extends DeploymentOptions, WalletOptions, ApiOptions, WalrusOptions {
  yes?: boolean;
  /** MIST. */
  limit?: bigint;
}

/** A proxy that serves. */
export interface Session {
  url: string;
  /** Of this run, for its owner alone to read; it goes with the process. */
  folder: string;
  kubeconfig: string;
  namespace: string;
  /** Ends it, so that nothing of it keeps the process. */
  close(): void;
}

/** Adds the options of {@link SessionOptions}. */
export function withSession(command: Command): Command {
  return withWalrus(withApi(withWallet(withDeployment(command))))
    .addOption(new Option('--yes', 'sign without asking, as far as --limit goes'))
    .option(
      '--limit <sui>',
      'with --yes: what orders may cost until this command ends, gas and fees',
      parseSui,
    )
    .hook('preAction', (session) => {
      const { yes, limit } = session.opts<SessionOptions>();
      if ((yes === true) !== (limit !== undefined))
        session.error('error: --yes and --limit SUI go together', { exitCode: 2 });
    });
}

/**
 * Starts a proxy with a kubeconfig of its own.
 *
 * @param port 0 for any that is free
 * @param report is told each check of the control plane that passed, when there are any
 */
export async function startSession(
  options: SessionOptions,
  port: number,
  report: (passed: CheckPassed) => void = () => undefined,
): Promise<Session> {
  const wallet = await openWallet(options);
  const context = await openContext(options);
  const account = { context, api: options, wallet };
  const upstream = new Upstream((minLeftMs) => currentCredential(account, report, minLeftMs));
  const [{ namespace }, tls] = await Promise.all([upstream.credential(), generateSelfSigned(['127.0.0.1'])]);
  const consent = options.limit === undefined ? new Person() : new SpendingLimit(options.limit);
  const orders = new Orders({ upstream, chain: new WalletChain(context, wallet, options), consent });
  const secret = randomBytes(32).toString('base64url');
  const { server, url } = await startProxy({ upstream, orders, tls, secret, port }).catch((cause: Error) => {
    throw new CliError('file', `Cannot listen on port ${port}: ${cause.message}`, { cause });
  });
  const folder = await mkdtemp(join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), 'daas-proxy-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const kubeconfig = join(folder, 'kubeconfig');
  await createPrivate(kubeconfig, JSON.stringify(configOf(url, tls.certificate, secret, namespace)));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url, folder, kubeconfig, namespace, close };
}

function configOf(server: string, ca: string, token: string, namespace: string): object {
  const name = 'daasvader-proxy';
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  return {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': name },
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
  };
}
