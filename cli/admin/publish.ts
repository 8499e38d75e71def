import { existsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { printable } from '@daasvader/attestation/printable.ts';
import { setConfig } from '@daasvader/chain/calls/admin.ts';
import { readCommittee } from '@daasvader/chain/committee.ts';
import { type Deployment, writeDeployment } from '@daasvader/chain/deployment.ts';
import { openFullNode } from '@daasvader/chain/full-node.ts';
import { DEFAULT_RANGES } from '@daasvader/chain/ranges.ts';
import { submit } from '@daasvader/chain/submit.ts';
import { publish } from '@daasvader/move/publish.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Command } from 'commander';
import { parseMs, parseUrl } from '../arguments.ts';
import {
  openContext,
  type SignedOptions,
  signed,
  type WalletOptions,
  withJson,
  withWallet,
} from '../context.ts';
import { CliError } from '../error.ts';
import { openWallet } from '../wallet/open.ts';
import { acmeRootOption, readAcmeRoot } from './acme-root.ts';
import { adminIds, report } from './send.ts';

interface PublishOptions extends WalletOptions {
  deployment: string;
  network: string;
  rpc: string;
  delay: number;
  pods: string;
  services: string;
  appsDomain: string;
  acmeDirectory: string;
  acmeRoot?: string;
  json?: boolean;
}

/** `daas admin publish`: a new package with its cluster. */
export function publishCommand(): Command {
  return withJson(withWallet(new Command('publish')))
    .description('publish the contracts, create their cluster and write its deployment file')
    .requiredOption('--network <name>', 'devnet-local, testnet, mainnet or another name')
    .requiredOption('--rpc <url>', 'full node', parseUrl)
    .requiredOption('--deployment <file>', 'file to write')
    .option(
      '--delay <ms>',
      'how long proposals wait before they take effect: 0 for development, else more than 7 days',
      parseMs,
      0,
    )
    .option('--pods <cidr>', 'addresses of pods, fixed for good', DEFAULT_RANGES.clusterCidr)
    .option('--services <cidr>', 'addresses of Services, fixed for good', DEFAULT_RANGES.serviceCidr)
    .option('--apps-domain <name>', 'the domain under which apps are served', '')
    .option('--acme-directory <url>', 'where certificates come from', '')
    .addOption(acmeRootOption())
    .action(publishCluster);
}

async function publishCluster(options: PublishOptions): Promise<void> {
  const { network, rpc: rpcUrl, pods, services, appsDomain, acmeDirectory, acmeRoot } = options;
  const client = openFullNode(network, rpcUrl);
  const signer = await openWallet(options);
  const root = await readAcmeRoot(acmeRoot);
  assertFree(options.deployment);
  await assertWritable(options.deployment);
  const deployment = await publish({
    client,
    signer,
    network,
    rpcUrl,
    delayMs: BigInt(options.delay),
    clusterCidr: pods,
    serviceCidr: services,
    publicConfig: { appsDomain, acmeDirectory, acmeRoot: root },
  });
  await writeDeployment(options.deployment, deployment);
  process.stderr.write(
    `published: ${printable(options.deployment)}; should what follows fail, daas admin set-committee is left to do\n`,
  );
  const { digest } = await configure(client, signer, deployment);
  report(options, { digest, ...deployment }, `cluster ${deployment.registryId}, in ${options.deployment}`);
}

/** What is there may be the only place that names another cluster's capability. */
function assertFree(file: string): void {
  if (!existsSync(file)) return;
  const message = `Cannot write the deployment file ${file}: there is one already; name another, or move it away`;
  throw new CliError('file', message);
}

/** Before anything is paid for: a cluster whose ids are written nowhere is hard to find again. */
async function assertWritable(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await access(dirname(file), constants.W_OK);
  } catch (cause) {
    throw new CliError('file', `Cannot write the deployment file ${file}: ${(cause as Error).message}`);
  }
}

/** `daas admin set-committee`: what every enclave must have been started with, as of now. */
export function setCommitteeCommand(): Command {
  return signed(
    'set-committee',
    "have enclaves that start from now on trust the chain's committee of now",
  ).action(async (options: SignedOptions) => {
    const { client, deployment } = await openContext(options);
    const { digest } = await configure(client, await openWallet(options), deployment);
    report(options, { digest }, `set in ${digest}`);
  });
}

/** This chain, this package and the committee of now. */
async function configure(client: SuiGrpcClient, signer: Signer, deployment: Deployment) {
  const { digest: committeeDigest, epoch: committeeEpoch } = await readCommittee(client);
  const { chainId, originalPackageId: packageId } = deployment;
  return submit(client, signer, (tx) =>
    setConfig(tx, adminIds(deployment), { chainId, packageId, committeeDigest, committeeEpoch }),
  );
}
