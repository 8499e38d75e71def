import { claimNamespace, releaseNamespace } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { namespaceOf } from '@daasvader/verifier/user.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Command, InvalidArgumentError } from 'commander';
import { openContext, type SignedOptions, withSigned } from './context.ts';
import { formatTable, printJson, printLine } from './output.ts';
import { send } from './send.ts';
import { openWallet } from './wallet/open.ts';

/** The longest suffix that a namespace may have: one label must hold it. */
const SUFFIX = /^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/;

/** `daas namespace`: more namespaces than the first, for admins and above. */
export function namespaceCommand(command: Command): void {
  command.addCommand(listCommand()).addCommand(claimCommand()).addCommand(releaseCommand());
}

function listCommand(): Command {
  return withSigned(new Command('list'))
    .description('show the namespaces of the wallet')
    .action(async (given: SignedOptions) => {
      const { client, deployment } = await openContext(given);
      const address = (await openWallet(given)).toSuiAddress();
      const claimed = await new ContractReader(client, deployment).namespaces(address);
      const namespaces = [namespaceOf(address), ...claimed];
      if (given.json) printJson({ address, namespaces });
      else
        process.stdout.write(
          formatTable(
            ['NAMESPACE'],
            namespaces.map((name) => [name]),
          ),
        );
    });
}

function claimCommand(): Command {
  return withSigned(new Command('claim'))
    .description('take another namespace of your own; your quota is divided among them')
    .argument('<suffix>', 'up to 8 letters and digits that its name ends with', parseSuffix)
    .action((suffix: string, given: SignedOptions) => change(given, suffix, claimNamespace, 'is yours'));
}

function releaseCommand(): Command {
  return withSigned(new Command('release'))
    .description('give a namespace up: everything in it is deleted')
    .argument('<suffix>', 'that its name ends with', parseSuffix)
    .action((suffix: string, given: SignedOptions) => change(given, suffix, releaseNamespace, 'is given up'));
}

async function change(
  given: SignedOptions,
  suffix: string,
  call: (tx: Transaction, ids: ContractIds, namespace: string) => void,
  outcome: string,
): Promise<void> {
  let namespace = '';
  const { submitted } = await send(given, (tx, ids, sender) => {
    namespace = `${namespaceOf(sender)}-${suffix}`;
    call(tx, ids, namespace);
  });
  const { digest } = submitted;
  if (given.json) printJson({ digest, namespace });
  else printLine(`${namespace} ${outcome} (${digest})`);
}

function parseSuffix(text: string): string {
  if (SUFFIX.test(text)) return text;
  throw new InvalidArgumentError('Write up to 8 lowercase letters and digits, hyphens between them.');
}
