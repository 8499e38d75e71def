import { type Deployment, readDeployment } from '@daasvader/chain/deployment.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Command, Option } from 'commander';
import { parseAddress, parseHttpsUrl, parseUrl } from './arguments.ts';
import { readText } from './file.ts';

/** Where the cluster's ids are. */
export interface DeploymentOptions {
  deployment: string;
  rpc?: string;
}

/** Whose key signs. */
export interface WalletOptions {
  wallet?: string;
  walletAddress?: string;
  walletAlias?: string;
  walletMnemonic?: boolean;
  walletPath?: string;
  signWith?: string;
}

/** Where the control plane answers, and whose attestation is believed. */
export interface ApiOptions {
  api: string;
  root?: string;
}

/** Adds `--deployment`, which must be given unless `isMandatory` is false, and `--rpc`. */
export function withDeployment(command: Command, isMandatory = true): Command {
  return command
    .addOption(
      new Option('--deployment <file>', 'the cluster, as deployments/<network>.json')
        .env('DAAS_DEPLOYMENT')
        .makeOptionMandatory(isMandatory),
    )
    .addOption(
      new Option('--rpc <url>', "another full node than the deployment's")
        .env('SUI_RPC_URL')
        .argParser(parseUrl),
    );
}

/** Adds the options that say who signs; with none of them it is the active address of `sui client`. */
export function withWallet(command: Command): Command {
  const options = [
    new Option(
      '--wallet <file>',
      'your key: a suiprivkey1… line (see daas wallet), a sui.keystore, or a multisig; when left out, the keys of sui client',
    )
      .env('DAAS_WALLET')
      .conflicts(['walletMnemonic', 'signWith']),
    new Option('--wallet-address <address>', 'whose key it is, of several; otherwise the active address')
      .env('DAAS_WALLET_ADDRESS')
      .argParser(parseAddress)
      .conflicts('walletAlias'),
    new Option('--wallet-alias <alias>', 'the same by its name in sui.aliases').conflicts([
      'walletMnemonic',
      'signWith',
    ]),
    new Option('--wallet-mnemonic', 'ask for the words of a mnemonic on the terminal').conflicts('signWith'),
    new Option(
      '--wallet-path <path>',
      "which key of the mnemonic: m/44'/784'/0'/0'/0' of Ed25519 when left out, m/54'/… of secp256k1, m/74'/… of secp256r1",
    )
      .implies({ walletMnemonic: true })
      .conflicts(['wallet', 'signWith']),
    new Option(
      '--sign-with <command>',
      'have a program sign as --wallet-address: it gets base64 on stdin, DAAS_SIGN says of what, and it prints a signature',
    ).env('DAAS_SIGN_WITH'),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

/** Adds `--api`, which must be given unless `isMandatory` is false, and `--root`. */
export function withApi(command: Command, isMandatory = true): Command {
  return command
    .addOption(
      new Option('--api <url>', "the control plane's API, https://host:8443")
        .env('DAAS_API')
        .argParser(parseHttpsUrl)
        .makeOptionMandatory(isMandatory),
    )
    .addOption(
      new Option('--root <pem>', "trust this attestation root instead of AWS's, and say so").env('DAAS_ROOT'),
    );
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', 'print one line of JSON');
}

/** What every command that signs takes. */
export interface SignedOptions extends DeploymentOptions, WalletOptions {
  json?: boolean;
}

/** Adds the options of {@link SignedOptions}. */
export function withSigned(command: Command): Command {
  return withJson(withWallet(withDeployment(command)));
}

/** A new command that signs. */
export function signed(name: string, description: string): Command {
  return withSigned(new Command(name)).description(description);
}

/** A cluster and the full node to reach it by. */
export interface Context {
  deployment: Deployment;
  client: SuiGrpcClient;
}

/** Opens the cluster that the options name. */
export async function openContext({ deployment: file, rpc }: DeploymentOptions): Promise<Context> {
  // Loaded here, because it takes long, and many commands do without a chain.
  const { openFullNode } = await import('@daasvader/chain/full-node.ts');
  const deployment = await readDeployment(file);
  return { deployment, client: openFullNode(deployment.network, rpc ?? deployment.rpcUrl) };
}

/** The root that `--root` names, as PEM; undefined for AWS's. */
export function readRoot({ root }: ApiOptions): Promise<string | undefined> {
  return root === undefined ? Promise.resolve(undefined) : readText(root, 'the root');
}
