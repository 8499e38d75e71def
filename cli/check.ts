import { ROLE, type Role } from '@daasvader/chain/codes.ts';
import { type Command, Option } from 'commander';
import { checkOffline, type Verdict } from './check/program.ts';
import {
  type ApiOptions,
  type DeploymentOptions,
  type WalletOptions,
  withApi,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { CliError } from './error.ts';
import { describeFailure, failureJson } from './failure.ts';
import { readManifestFiles } from './manifests/files.ts';
import { printJson, printLine } from './output.ts';

interface CheckOptions extends Partial<DeploymentOptions & ApiOptions>, WalletOptions {
  filename: string[];
  role: Exclude<Role, 'none'>;
  server?: boolean;
  namespace?: string;
  json?: boolean;
}

const EXIT_REFUSED = 1;
const EXIT_USAGE = 2;

/** `daas check`: whether the cluster would take manifests; exits with 0 if so, 1 if not, 2 when it cannot tell. */
export function checkCommand(command: Command): void {
  withJson(withApi(withWallet(withDeployment(command, false)), false))
    .requiredOption('-f, --filename <file...>', 'manifests: files, folders, or - for standard input')
    .addOption(
      new Option('--role <role>', 'as whom').choices(Object.keys(ROLE).slice(1)).default('developer'),
    )
    .option('--server', 'then ask the control plane at --api too, by a dry run')
    .option('-n, --namespace <name>', 'where --server asks about it; your own when left out')
    .addHelpText(
      'after',
      '\nExit code 0: all is accepted, 1: something is refused, 2: it cannot tell. Only --server needs a deployment,\n' +
        'a wallet and a control plane.',
    )
    .action(async (options: CheckOptions) => {
      const verdict = await check(options).catch((error: unknown) => {
        if (options.json) printJson(failureJson(error));
        return command.error(`daas: ${describeFailure(error)}`, { exitCode: EXIT_USAGE });
      });
      if (options.json) printJson(verdict);
      else printVerdict(verdict);
      if (!verdict.accepted) process.exitCode = EXIT_REFUSED;
    });
}

async function check({ filename, role, server, ...options }: CheckOptions): Promise<Verdict> {
  const files = await readManifestFiles(filename);
  const verdict = await checkOffline(role, files);
  if (!server) return verdict;
  const { deployment } = options;
  if (deployment === undefined || options.api === undefined)
    throw new CliError('kubernetes', 'Cannot ask a control plane: --server takes --deployment and --api');
  const { checkOnServer } = await import('./check/server.ts'); // which takes longer to load than the check
  return checkOnServer({ ...options, deployment }, files, verdict);
}

function printVerdict({ accepted, objects, unchecked }: Verdict): void {
  for (const { file, kind, name, accepted, problems } of objects) {
    printLine(`${file}: ${titleOf(kind, name)}${accepted ? 'accepted' : 'refused'}`);
    for (const { path, message } of problems)
      printLine(`  ${path === '' || message.startsWith(path) ? message : `${path}: ${message}`}`);
  }
  if (unchecked.length > 0) printLine('Only the cluster can say:');
  for (const [what, whose] of Map.groupBy(unchecked, ({ what }) => what))
    printLine(`  ${what} (${whose.map(({ kind, name }) => `${kind}/${name}`).join(', ')})`);
  printLine(accepted ? 'accepted' : 'refused');
}

function titleOf(kind: string, name: string): string {
  return kind === '' ? '' : `${kind}/${name} `;
}
