import {
  type AdminIds,
  appointHost,
  isAdmin,
  proposeMeasurement,
  proposeRoleStakes,
  retireMeasurement,
  revokeSeat,
  setConfig,
} from '@daasvader/chain/calls/admin.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { type Deployment, writeDeployment } from '@daasvader/chain/deployment.ts';
import { openFullNode } from '@daasvader/chain/full-node.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { publish } from '@daasvader/move/publish.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Transaction } from '@mysten/sui/transactions';
import { Command } from 'commander';
import { z } from 'zod';
import { parseAddress, parseMs, parseSui, parseUrl } from './arguments.ts';
import {
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { CliError } from './error.ts';
import { readText } from './file.ts';
import { printJson, printLine } from './output.ts';
import { readWallet } from './wallet.ts';

const pcr = z.string().regex(/^[0-9a-f]{96}$/, 'must be 96 lowercase hex digits');
const measurements = z.object({ version: z.string().min(1), PCR0: pcr, PCR1: pcr, PCR2: pcr });

type Options = DeploymentOptions & WalletOptions & { json?: boolean };

/** `daas admin`: what the holder of the admin capability may do, all of it public on chain. */
export function adminCommand(command: Command): void {
  command
    .addCommand(publishCommand())
    .addCommand(proposeCommand())
    .addCommand(
      single('retire-measurement', 'no longer admit an image', '<version>', (tx, ids, version) =>
        retireMeasurement(tx, ids, version),
      ),
    )
    .addCommand(
      single(
        'appoint-host',
        'name the account that may seat its enclave',
        '<address>',
        (tx, ids, address) => appointHost(tx, ids, address),
        parseAddress,
      ),
    )
    .addCommand(single('revoke-seat', 'empty the seat', undefined, (tx, ids) => revokeSeat(tx, ids)))
    .addCommand(setCommitteeCommand())
    .addCommand(proposeRoleStakesCommand());
}

interface PublishOptions extends Options {
  network: string;
  rpc: string;
  delay: number;
}

function publishCommand(): Command {
  return withJson(withWallet(new Command('publish')))
    .description('publish the contracts, create a cluster and write its deployment file')
    .requiredOption('--network <name>', 'devnet-local, testnet, mainnet or another name')
    .requiredOption('--rpc <url>', 'full node', parseUrl)
    .requiredOption('--deployment <file>', 'file to write')
    .option(
      '--delay <ms>',
      'how long proposals wait before they take effect; 0 is for development',
      parseMs,
      0,
    )
    .action(async (options: PublishOptions) => {
      const { network, rpc: rpcUrl } = options;
      const delayMs = BigInt(options.delay);
      const client = openFullNode(network, rpcUrl);
      const signer = await readWallet(options.wallet);
      const deployment = await publish({ client, signer, network, rpcUrl, delayMs });
      await writeDeployment(options.deployment, deployment);
      const { digest } = await configure(client, options, deployment);
      report(
        options,
        { digest, ...deployment },
        `cluster ${deployment.registryId}, in ${options.deployment}`,
      );
    });
}

/** What every enclave must have been started with: this chain, this package and the committee of now. */
async function configure(client: SuiGrpcClient, options: Options, deployment: Deployment) {
  const { digest: committeeDigest, epoch: committeeEpoch } = await readCommittee(client);
  const { chainId, packageId } = deployment;
  return submit(client, await readWallet(options.wallet), (tx) =>
    setConfig(tx, adminIds(deployment), { chainId, packageId, committeeDigest, committeeEpoch }),
  );
}

function setCommitteeCommand(): Command {
  return withJson(withWallet(withDeployment(new Command('set-committee'))))
    .description("have enclaves that start from now on trust the chain's committee of now")
    .action(async (options: Options) => {
      const { client, deployment } = await openContext(options);
      const { digest } = await configure(client, options, deployment);
      report(options, { digest }, `set in ${digest}`);
    });
}

function proposeCommand(): Command {
  return withJson(withWallet(withDeployment(new Command('propose-measurement'))))
    .description('propose an image; it is admitted when the delay is over')
    .argument('<file>', 'JSON with version, PCR0, PCR1 and PCR2')
    .action(async (file: string, options: Options) => {
      const { version, PCR0, PCR1, PCR2 } = await readMeasurements(file);
      const [pcr0, pcr1, pcr2] = [PCR0, PCR1, PCR2].map((hex) => Buffer.from(hex, 'hex'));
      await send(options, (tx, ids) =>
        proposeMeasurement(tx, ids, { version, pcr0: pcr0!, pcr1: pcr1!, pcr2: pcr2! }),
      );
    });
}

function proposeRoleStakesCommand(): Command {
  return withJson(withWallet(withDeployment(new Command('propose-role-stakes'))))
    .description('propose what each role takes; in effect when the delay is over')
    .argument('<viewer>', 'in SUI; each between half and twice of what it takes now', parseSui)
    .argument('<developer>', 'in SUI', parseSui)
    .argument('<admin>', 'in SUI', parseSui)
    .argument('<super>', 'in SUI', parseSui)
    .action((viewer: bigint, developer: bigint, admin: bigint, super_: bigint, options: Options) =>
      send(options, (tx, ids) => proposeRoleStakes(tx, ids, { viewer, developer, admin, super: super_ })),
    );
}

async function readMeasurements(file: string): Promise<z.output<typeof measurements>> {
  const text = await readText(file, 'the measurements');
  try {
    return measurements.parse(JSON.parse(text));
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : (cause as Error).message;
    throw new CliError('file', `Cannot use the measurements ${file}: ${why}`);
  }
}

type Build = (tx: Transaction, ids: AdminIds, argument: string) => void;

/** A command that is one call with at most one argument. */
function single(
  name: string,
  description: string,
  argument: string | undefined,
  build: Build,
  parse = (text: string) => text,
): Command {
  const command = withJson(withWallet(withDeployment(new Command(name)))).description(description);
  if (argument === undefined)
    return command.action((options: Options) => send(options, (tx, ids) => build(tx, ids, '')));
  return command
    .argument(argument, '', parse)
    .action((value: string, options: Options) => send(options, (tx, ids) => build(tx, ids, value)));
}

async function send(options: Options, build: (tx: Transaction, ids: AdminIds) => void): Promise<void> {
  const { client, deployment } = await openContext(options);
  const wallet = await readWallet(options.wallet);
  const { digest } = await submit(client, wallet, (tx) => build(tx, adminIds(deployment)));
  report(options, { digest }, `done (${digest})`);
}

function adminIds(deployment: Deployment): AdminIds {
  if (isAdmin(deployment)) return deployment;
  throw new CliError('file', 'Cannot act as admin: the deployment file names no adminCapId');
}

function report({ json }: Options, value: object, text: string): void {
  if (json) printJson(value);
  else printLine(text);
}
