import type { Command } from 'commander';
import {
  type ApiOptions,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withApi,
  withDeployment,
  withWallet,
} from './context.ts';
import { currentCredential } from './credential/current.ts';
import { EXEC_API_VERSION, readExecInfo } from './credential/exec-info.ts';
import type { Credential } from './credential/issue.ts';
import { CliError } from './error.ts';
import { renewCluster } from './kubeconfig-merge.ts';
import { printJson } from './output.ts';
import { openWallet } from './wallet/open.ts';

/** kubectl asks again when it is over; until then what it began must have begun. */
const MARGIN_MS = 60_000;

/** What `daas kubeconfig` writes down for kubectl to run. */
export interface CredentialOptions extends DeploymentOptions, WalletOptions, ApiOptions {
  kubeconfig: string;
  context: string;
}

/** `daas credential`: what kubectl runs for a credential of now. */
export function credentialCommand(command: Command): void {
  withApi(withWallet(withDeployment(command)))
    .requiredOption('--kubeconfig <file>', 'the kubeconfig that names this command')
    .requiredOption('--context <name>', 'its context')
    .action(giveCredential);
  // What the kubeconfig says counts, and not the environment of whoever runs kubectl.
  for (const option of command.options) delete option.envVar;
}

async function giveCredential(options: CredentialOptions): Promise<void> {
  const asked = readExecInfo(process.env.KUBERNETES_EXEC_INFO);
  const wallet = await openWallet(options);
  const context = await openContext(options);
  const credential = await currentCredential({ context, api: options, wallet }, () => {});
  const { server, ca } = credential;
  if (asked !== undefined && (asked.server !== server || asked.ca !== ca)) {
    await renewCluster(options.kubeconfig, options.context, { server, ca });
    throw new CliError(
      'cluster',
      `Cannot go on with the former control plane: another one leads, was verified, and is in ${options.kubeconfig} now; run the command again`,
    );
  }
  printJson(execCredential(credential));
}

/** client.authentication.k8s.io/v1, ExecCredential. */
function execCredential({ certificate, key, expiresAtMs }: Credential): object {
  const status = {
    expirationTimestamp: new Date(expiresAtMs - MARGIN_MS).toISOString(),
    clientCertificateData: certificate,
    clientKeyData: key,
  };
  return { apiVersion: EXEC_API_VERSION, kind: 'ExecCredential', status };
}
