import { requestWithdraw, stake, withdraw } from '@daasvader/chain/calls.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import { submit } from '@daasvader/chain/submit.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Command } from 'commander';
import {
  type Context,
  type DeploymentOptions,
  openContext,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { formatSui, parseSui, printJson } from './output.ts';
import { readWallet } from './wallet.ts';

const ROLE_NAMES = ['none', 'viewer', 'developer', 'admin', 'super'];

type Options = DeploymentOptions & WalletOptions & { json?: boolean };

/** `daas stake`: SUI for a role. */
export function stakeCommand(): Command {
  return signed(new Command('stake'))
    .description('stake SUI for a role: viewer 0.5, developer 2, admin 5, super 10')
    .argument('<sui>', 'amount in SUI')
    .action((amount: string, options: Options) =>
      change(options, (tx, ids) => stake(tx, ids, parseSui(amount))),
    );
}

/** `daas unstake`: asks for stake back, and takes out what has waited long enough. */
export function unstakeCommand(): Command {
  return signed(new Command('unstake'))
    .description('ask for stake back; without an amount, take out what has waited long enough')
    .argument('[sui]', 'amount in SUI')
    .action((amount: string | undefined, options: Options) =>
      change(options, (tx, ids) =>
        amount === undefined ? withdraw(tx, ids) : requestWithdraw(tx, ids, parseSui(amount)),
      ),
    );
}

function signed(command: Command): Command {
  return withJson(withWallet(withDeployment(command)));
}

async function change(
  options: Options,
  build: (tx: Transaction, ids: Context['deployment']) => void,
): Promise<void> {
  const wallet = await readWallet(options.wallet);
  const { client, deployment } = await openContext(options);
  const { digest } = await submit(client, wallet, (tx) => build(tx, deployment));
  const address = wallet.toSuiAddress();
  const account = await new ContractReader(client, deployment).role(address);
  const role = ROLE_NAMES[account.role] ?? 'unknown';
  if (options.json) printJson({ digest, address, role, stake: account.stake });
  else process.stdout.write(`${address} has staked ${formatSui(account.stake)}: ${role} (${digest})\n`);
}
