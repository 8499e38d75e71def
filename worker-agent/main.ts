import { printableJson } from '@daasvader/attestation/printable.ts';
import { endOnBrokenOutput } from '@daasvader/program/standard-output.ts';
import { Command, CommanderError } from 'commander';
import { joinCommand } from './commands/join.ts';
import { keygenCommand } from './commands/keygen.ts';
import { drainCommand, leaveCommand, uncordonCommand } from './commands/owner.ts';
import { registerCommand } from './commands/register.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import { failedJson, failedLines } from './print.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

endOnBrokenOutput('worker-agent');

function program(): Command {
  const commands = [
    keygenCommand(),
    registerCommand(),
    verifyCommand(),
    joinCommand(),
    runCommand(),
    statusCommand(),
    drainCommand(),
    uncordonCommand(),
    leaveCommand(),
  ];
  const root = new Command('worker-agent').description('Runs a node for a DaasVader cluster').exitOverride();
  for (const command of commands)
    root.addCommand(command.exitOverride().showHelpAfterError('(add --help for what it takes)'));
  return root;
}

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  } else {
    if (process.argv.includes('--json'))
      process.stdout.write(`${printableJson(JSON.stringify(failedJson(error)))}\n`);
    else process.stderr.write(`${failedLines(error)}\n`);
    process.exitCode = EXIT_FAILED;
  }
}
