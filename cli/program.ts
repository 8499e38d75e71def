import { Command } from 'commander';
import { adminCommand } from './admin.ts';
import { attestCommand } from './attest.ts';
import { cancelCommand } from './cancel.ts';
import { deleteCommand, deployCommand } from './deploy.ts';
import { devnetCommand } from './devnet.ts';
import { imageCommand } from './image.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { nodesCommand } from './nodes.ts';
import { requestsCommand } from './requests.ts';
import { roleCommand } from './role.ts';
import { stakeCommand, unstakeCommand } from './stake.ts';
import { statusCommand } from './status.ts';
import { walletCommand } from './wallet.ts';

/** `daas` with all its commands; wrong usage throws a CommanderError instead of ending the process. */
export function program(): Command {
  const daas = new Command('daas')
    .description('A Kubernetes cluster that nobody owns: stake, deploy and verify from the command line')
    .version('0.1.0')
    .addCommand(stakeCommand())
    .addCommand(unstakeCommand())
    .addCommand(roleCommand())
    .addCommand(deployCommand())
    .addCommand(deleteCommand())
    .addCommand(cancelCommand())
    .addCommand(requestsCommand())
    .addCommand(kubeconfigCommand())
    .addCommand(nodesCommand())
    .addCommand(statusCommand())
    .addCommand(attestCommand())
    .addCommand(imageCommand())
    .addCommand(walletCommand())
    .addCommand(adminCommand())
    .addCommand(devnetCommand());
  return throwOnUsageErrors(daas);
}

function throwOnUsageErrors(command: Command): Command {
  command.exitOverride().showHelpAfterError('(add --help for what it takes)');
  command.commands.forEach(throwOnUsageErrors);
  return command;
}
