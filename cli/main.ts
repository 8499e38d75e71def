import { Command, CommanderError } from 'commander';
import { adminCommand } from './admin.ts';
import { attestCommand } from './attest.ts';
import { deleteCommand, deployCommand } from './deploy.ts';
import { devnetCommand } from './devnet.ts';
import { describeFailure } from './failure.ts';
import { kubeconfigCommand } from './kubeconfig.ts';
import { nodesCommand } from './nodes.ts';
import { requestsCommand } from './requests.ts';
import { stakeCommand, unstakeCommand } from './stake.ts';
import { statusCommand } from './status.ts';
import { walletCommand } from './wallet.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

function program(): Command {
  return new Command('daas')
    .description('A Kubernetes cluster that nobody owns: stake, deploy and verify from the command line')
    .version('0.1.0')
    .addCommand(stakeCommand())
    .addCommand(unstakeCommand())
    .addCommand(deployCommand())
    .addCommand(deleteCommand())
    .addCommand(requestsCommand())
    .addCommand(kubeconfigCommand())
    .addCommand(nodesCommand())
    .addCommand(statusCommand())
    .addCommand(attestCommand())
    .addCommand(walletCommand())
    .addCommand(adminCommand())
    .addCommand(devnetCommand());
}

/** Makes commander throw instead of ending the process, so that wrong usage has one exit code everywhere. */
function throwOnUsageErrors(command: Command): Command {
  command.exitOverride().showHelpAfterError('(add --help for what it takes)');
  command.commands.forEach(throwOnUsageErrors);
  return command;
}

try {
  await throwOnUsageErrors(program()).parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    process.stderr.write(`daas: ${describeFailure(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}
