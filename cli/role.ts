import { grantRole, revokeRole } from '@daasvader/chain/calls/user.ts';
import { ROLE } from '@daasvader/chain/codes.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Argument, Command } from 'commander';
import { parseAddress } from './arguments.ts';
import { type SignedOptions, withSigned } from './context.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';

/** Roles that can be granted. */
const GRANTABLE = ['viewer', 'developer', 'admin'] as const;

interface Grant {
  namespace: string;
  user: string;
  role: string;
}

/** `daas role`: what an admin lets others do in namespaces of the own. */
export function roleCommand(command: Command): void {
  command.addCommand(grantCommand()).addCommand(revokeCommand());
}

function grantCommand(): Command {
  return about(new Command('grant'))
    .description('give a role in a namespace of yours; it counts while you are an admin or super')
    .addArgument(new Argument('<role>', 'what the user may be there').choices(GRANTABLE))
    .action((namespace: string, user: string, role: (typeof GRANTABLE)[number], options: SignedOptions) =>
      change(options, { namespace, user, role }, (tx, ids) =>
        grantRole(tx, ids, { namespace, user, role: ROLE[role] }),
      ),
    );
}

function revokeCommand(): Command {
  return about(new Command('revoke'))
    .description('take back a role that you gave')
    .action((namespace: string, user: string, options: SignedOptions) =>
      change(options, { namespace, user, role: 'none' }, (tx, ids) =>
        revokeRole(tx, ids, { namespace, user }),
      ),
    );
}

function about(command: Command): Command {
  return withSigned(command)
    .argument('<namespace>', 'by its full name, u-…')
    .argument('<user>', 'Sui address', parseAddress);
}

async function change(
  options: SignedOptions,
  grant: Grant,
  build: (tx: Transaction, ids: ContractIds) => void,
): Promise<void> {
  const { digest } = (await send(options, build)).submitted;
  const { namespace, user, role } = grant;
  if (options.json) printJson({ digest, ...grant });
  else printLine(`${user} is ${role} in ${namespace} by your grant (${digest})`);
}
