import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { userOf } from '@daasvader/verifier/user.ts';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { verifyAndIssue } from './credential/current.ts';
import { EXEC_API_VERSION } from './credential/exec-info.ts';
import type { Credential } from './credential/issue.ts';
import { CliError } from './error.ts';
import { KUBECONFIG_MARK, keepOthers, writeKubeconfig } from './kubeconfig-file.ts';
import { mergeContext } from './kubeconfig-merge.ts';
import { printJson, printLine } from './output.ts';
import { tell } from './verified-control-plane.ts';
import { openWallet } from './wallet/open.ts';

/** kubectl reads YAML 1.1, where a bare `no` or `1e3`, both good names of a namespace, are no text. */
const QUOTED = { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' } as const;
const DAAS = resolve(import.meta.dirname, '../bin/daas');

interface KubeconfigOptions extends DeploymentOptions, WalletOptions, ApiOptions {
  static?: boolean;
  out: string;
  kubeconfig?: string;
  context: string;
  json?: boolean;
}

/** `daas kubeconfig`: a context for kubectl whose credential renews itself, or a file with one of minutes. */
export function kubeconfigCommand(command: Command): void {
  withJson(withApi(withWallet(withDeployment(command))))
    .addOption(
      new Option(
        '--kubeconfig <file>',
        'where to add a context; the first of $KUBECONFIG, or ~/.kube/config, when left out',
      ).conflicts('static'),
    )
    .option('--context <name>', 'what to call it', parseContext, 'daasvader')
    .option('--static', 'write a file of its own instead, with a credential that is not renewed')
    .addOption(
      new Option('--out <file>', 'that file, for you alone to read; one that others wrote is left alone')
        .default('./kubeconfig')
        .implies({ static: true }),
    )
    .action((options: KubeconfigOptions) => (options.static ? writeStatic(options) : addContext(options)));
}

/** A name that needs no quotes in a shell. */
function parseContext(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._@:-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('It is not 1 to 63 letters, digits and . _ @ : -');
}

async function writeStatic(options: KubeconfigOptions): Promise<void> {
  const { out, json } = options;
  await keepOthers(out);
  const { credential, address } = await obtain(options);
  await keepOthers(out); // it may have been written meanwhile
  await writeKubeconfig(out, KUBECONFIG_MARK + stringify(staticConfig(credential, userOf(address)), QUOTED));
  const { role, namespaces, expiresAtMs } = credential;
  if (json) printJson({ file: out, role, namespaces, expiresAtMs });
  else printLine(`${out}: ${role} in ${namespaces.join(', ')} until ${new Date(expiresAtMs).toISOString()}`);
}

async function addContext(options: KubeconfigOptions): Promise<void> {
  if (options.walletMnemonic)
    throw new CliError(
      'wallet',
      'Cannot renew a credential with a mnemonic: nobody is there to be asked; add --static, or keep the key in a file',
    );
  const file = resolve(options.kubeconfig ?? defaultKubeconfig());
  const { credential, address } = await obtain(options);
  const { role, namespaces } = credential;
  const { context: name, json } = options;
  const current = await mergeContext(file, {
    ...{ name, namespace: credential.namespace, namespaces },
    cluster: credential,
    exec: execOf(options, address, file),
  });
  if (json) return printJson({ file, context: name, current, role, namespaces });
  const use = current === name ? 'the current one' : `kubectl config use-context ${name}`;
  printLine(
    `${file}: context ${name} (${use}), ${role} in ${namespaces.join(', ')}, renewed when kubectl needs it`,
  );
}

async function obtain(options: KubeconfigOptions): Promise<{ credential: Credential; address: string }> {
  const wallet = await openWallet(options);
  const context = await openContext(options);
  const credential = await verifyAndIssue({ context, api: options, wallet }, tell);
  return { credential, address: wallet.toSuiAddress() };
}

/** The file that kubectl itself would write to. */
function defaultKubeconfig(): string {
  const [first] = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '');
  return first ?? join(homedir(), '.kube/config');
}

/** How kubectl gets a credential, from any folder, and for this address only. */
function execOf(options: KubeconfigOptions, address: string, kubeconfig: string) {
  const { deployment, rpc, api, root, wallet, signWith, context } = options;
  const path = (file: string | undefined) => (file === undefined ? undefined : resolve(file));
  const values = {
    '--deployment': path(deployment),
    '--rpc': rpc,
    '--api': api,
    '--root': path(root),
    '--wallet': path(wallet),
    '--wallet-address': address,
    '--sign-with': signWith,
    '--kubeconfig': kubeconfig,
    '--context': context,
  };
  const args = Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const clientFolder = process.env.SUI_CONFIG_DIR;
  return {
    apiVersion: EXEC_API_VERSION,
    command: DAAS,
    args: ['credential', ...args],
    ...(clientFolder !== undefined && { env: [{ name: 'SUI_CONFIG_DIR', value: resolve(clientFolder) }] }),
    interactiveMode: 'Never',
    installHint: 'daas wrote this context and gets its credentials; write it anew with daas kubeconfig',
  };
}

/** Written anew from what was checked: kubectl reads nothing that somebody else wrote as a whole. */
function staticConfig({ server, ca, certificate, key, namespace }: Credential, user: string): object {
  const credential = {
    'client-certificate-data': base64(certificate),
    'client-key-data': base64(key),
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'daasvader', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: user, user: credential }],
    contexts: [{ name: 'daasvader', context: { cluster: 'daasvader', user, namespace } }],
    'current-context': 'daasvader',
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
