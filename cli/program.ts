import { addCommands, type LazyCommand } from '@daasvader/program/lazy-commands.ts';
import { Command } from 'commander';

const COMMANDS: readonly LazyCommand[] = [
  {
    name: 'stake',
    description:
      'stake SUI for a role, or add to it: viewer 0.5, developer 2, admin 5, super 10 unless the admin changed it',
    load: async () => (await import('./stake.ts')).stakeCommand,
  },
  {
    name: 'unstake',
    description: 'ask for stake back; without an amount, take out what has waited long enough',
    load: async () => (await import('./stake.ts')).unstakeCommand,
  },
  {
    name: 'role',
    description: 'give others a role in a namespace of yours, and take it back',
    load: async () => (await import('./role.ts')).roleCommand,
  },
  {
    name: 'apply',
    description: 'order what manifests say, all in one transaction: daas apply -f FILE|DIR|-',
    load: async () => (await import('./apply.ts')).applyCommand,
  },
  {
    name: 'diff',
    description: 'show what daas apply of manifests would change',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    name: 'deploy',
    description: 'order a Deployment and a Service on chain',
    load: async () => (await import('./deploy.ts')).deployCommand,
  },
  {
    name: 'delete',
    description: 'order deleted what daas deploy made, or what manifests name',
    load: async () => (await import('./delete.ts')).deleteCommand,
  },
  {
    name: 'order',
    description: 'order a request to Kubernetes as it is: method, path and body',
    load: async () => (await import('./order.ts')).orderCommand,
  },
  {
    name: 'check',
    description: 'say without a cluster whether it would take manifests, and why not',
    load: async () => (await import('./check.ts')).checkCommand,
  },
  {
    name: 'cancel',
    description: 'call off requests that are not done, all in one transaction',
    load: async () => (await import('./cancel.ts')).cancelCommand,
  },
  {
    name: 'requests',
    description: 'show what requests were about and what became of them',
    load: async () => (await import('./requests.ts')).requestsCommand,
  },
  {
    name: 'prune',
    description: 'delete requests that are done from the chain, and get their storage deposit',
    load: async () => (await import('./prune.ts')).pruneCommand,
  },
  {
    name: 'namespace',
    description: 'show, claim and give up namespaces beside your first one',
    load: async () => (await import('./namespace.ts')).namespaceCommand,
  },
  {
    name: 'fees',
    description: 'show, pay in advance and take back what orders cost',
    load: async () => (await import('./fees.ts')).feesCommand,
  },
  {
    name: 'kubeconfig',
    description:
      'verify the control plane, prove your address to it and add a context to your kubeconfig that renews itself',
    load: async () => (await import('./kubeconfig.ts')).kubeconfigCommand,
  },
  {
    name: 'credential',
    description: 'what kubectl runs for that context: prints a credential of minutes, secret key and all',
    load: async () => (await import('./credential.ts')).credentialCommand,
  },
  {
    name: 'kubectl',
    description:
      'verify the control plane and run kubectl, whose writes are ordered on chain: daas kubectl get pods',
    load: async () => (await import('./kubectl.ts')).kubectlCommand,
  },
  {
    name: 'proxy',
    description:
      'verify the control plane and serve its API on loopback for kubectl, helm and others; writes are ordered on chain',
    load: async () => (await import('./proxy.ts')).proxyCommand,
  },
  {
    name: 'logs',
    description: 'verify the control plane and show what a pod prints',
    load: async () => (await import('./logs.ts')).logsCommand,
  },
  {
    name: 'exec',
    description: 'verify the control plane and run a command in a pod: daas exec NAME -it -- sh',
    load: async () => (await import('./exec.ts')).execCommand,
  },
  {
    name: 'port-forward',
    description: 'verify the control plane and have a port of a pod on this machine',
    load: async () => (await import('./port-forward.ts')).portForwardCommand,
  },
  {
    name: 'events',
    description: 'verify the control plane and show what Kubernetes noted, such as why a pod does not start',
    load: async () => (await import('./events.ts')).eventsCommand,
  },
  {
    name: 'nodes',
    description: 'verify the control plane and list its nodes',
    load: async () => (await import('./nodes.ts')).nodesCommand,
  },
  {
    name: 'status',
    description:
      'show the cluster on chain and, with --api, verify its control plane and ask whether it is ready',
    load: async () => (await import('./status.ts')).statusCommand,
  },
  {
    name: 'attest',
    description: 'check what a control plane proves about itself',
    load: async () => (await import('./attest.ts')).attestCommand,
  },
  {
    name: 'image',
    description: 'measure and compare enclave images',
    load: async () => (await import('./image.ts')).imageCommand,
  },
  {
    name: 'image-name',
    description: 'say on chain which image a name and a tag mean',
    load: async () => (await import('./image-name.ts')).imageNameCommand,
  },
  {
    name: 'slash',
    description: 'bring the proof that a worker runs twice under one identity',
    load: async () => (await import('./slash.ts')).slashCommand,
  },
  {
    name: 'close',
    description: 'delete an enclave that is in no seat, or an unused registration ticket, from the chain',
    load: async () => (await import('./close.ts')).closeCommand,
  },
  {
    name: 'wallet',
    description: 'make a wallet file, or show its address',
    load: async () => (await import('./wallet.ts')).walletCommand,
  },
  {
    name: 'admin',
    description: 'publish a cluster, propose what it shall be, see what waits, appoint hosts, upgrade',
    load: async () => (await import('./admin/admin.ts')).adminCommand,
  },
  {
    name: 'devnet',
    description: 'Run a Sui-compatible chain for development; daas devnet --help shows its options',
    load: async () => (await import('./devnet.ts')).devnetCommand,
  },
];

/**
 * `daas`, with those of its commands loaded that the arguments name; wrong usage throws a CommanderError instead of
 * ending the process.
 */
export async function program(args: readonly string[]): Promise<Command> {
  const daas = new Command('daas')
    .description('A Kubernetes cluster that nobody owns: stake, deploy and verify from the command line')
    .version('0.1.0')
    .enablePositionalOptions(); // what stands after daas kubectl is kubectl's
  await addCommands(daas, COMMANDS, args);
  return throwOnUsageErrors(daas);
}

/** Runs `daas` with arguments as a person types them. */
export async function runDaas(args: readonly string[]): Promise<void> {
  await (await program(args)).parseAsync(args, { from: 'user' });
}

function throwOnUsageErrors(command: Command): Command {
  command.exitOverride().showHelpAfterError('(add --help for what it takes)');
  command.commands.forEach(throwOnUsageErrors);
  return command;
}
