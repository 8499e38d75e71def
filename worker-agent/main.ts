import { printableJson } from '@daasvader/attestation/printable.ts';
import { addCommands, type LazyCommand } from '@daasvader/program/lazy-commands.ts';
import { endOnBrokenOutput } from '@daasvader/program/standard-output.ts';
import { Command, CommanderError } from 'commander';
import { failedJson, failedLines } from './print.ts';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;

endOnBrokenOutput('worker-agent');

const COMMANDS: readonly LazyCommand[] = [
  {
    name: 'keygen',
    description: 'make the keys that join credentials are sealed to and that joins are signed with',
    load: async () => (await import('./commands/keygen.ts')).keygenCommand,
  },
  {
    name: 'register',
    description: 'stake SUI and register this worker, or renew its seal token',
    load: async () => (await import('./commands/register.ts')).registerCommand,
  },
  {
    name: 'verify',
    description: 'check that the control plane is the one in the seat',
    load: async () => (await import('./commands/verify.ts')).verifyCommand,
  },
  {
    name: 'join',
    description: 'verify, then fetch the bootstrap credential',
    load: async () => (await import('./commands/join.ts')).joinCommand,
  },
  {
    name: 'run',
    description: 'verify, join and keep this node running',
    load: async () => (await import('./commands/run.ts')).runCommand,
  },
  {
    name: 'status',
    description: 'show this worker on chain and on this machine',
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  {
    name: 'drain',
    description: 'take no new work and move the pods elsewhere',
    load: async () => (await import('./commands/owner.ts')).drainCommand,
  },
  {
    name: 'uncordon',
    description: 'take work again after a drain',
    load: async () => (await import('./commands/owner.ts')).uncordonCommand,
  },
  {
    name: 'offer',
    description: 'say on chain what this worker has to offer, and at which prices',
    load: async () => (await import('./commands/offer.ts')).offerCommand,
  },
  {
    name: 'stake',
    description: 'add to the stake of this worker',
    load: async () => (await import('./commands/stake.ts')).stakeCommand,
  },
  {
    name: 'leave',
    description: 'leave the cluster for good; the stake can then be asked for',
    load: async () => (await import('./commands/owner.ts')).leaveCommand,
  },
  {
    name: 'withdraw',
    description: 'ask for the stake of a worker that left or was slashed and, a week later, take it out',
    load: async () => (await import('./commands/stake.ts')).withdrawCommand,
  },
  {
    name: 'reinstate',
    description: 'bring a slashed worker back, with new keys and its stake topped up',
    load: async () => (await import('./commands/stake.ts')).reinstateCommand,
  },
  {
    name: 'transfer',
    description: 'give this worker, and its stake, to another account; its keys stay on this machine',
    load: async () => (await import('./commands/stake.ts')).transferCommand,
  },
  {
    name: 'close',
    description: 'delete a worker that left or was slashed, and has no stake, from the chain',
    load: async () => (await import('./commands/stake.ts')).closeCommand,
  },
];

async function run(args: readonly string[]): Promise<void> {
  const agent = new Command('worker-agent')
    .description('Runs a node for a DaasVader cluster')
    .exitOverride()
    .showHelpAfterError('(add --help for what it takes)');
  await addCommands(agent, COMMANDS, args);
  await agent.parseAsync(args, { from: 'user' });
}

try {
  await run(process.argv.slice(2));
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
