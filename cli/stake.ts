import { requestWithdraw, restake, stake, withdraw } from '@daasvader/chain/calls/user.ts';
import { codeName, ROLE } from '@daasvader/chain/codes.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parseSui } from './arguments.ts';
import {
  type Context,
  type DeploymentOptions,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { formatSui, printJson, printLine } from './output.ts';
import { send } from './send.ts';

type Options = DeploymentOptions & WalletOptions & { json?: boolean };

/** `daas stake`: SUI for a role. */
export function stakeCommand(command: Command): void {
  signed(command)
    .argument('<sui>', 'amount in SUI', parseSui)
    .action((amount: bigint, options: Options) => stakeOrAdd(options, amount));
}

/** `daas unstake`: asks for stake back, and takes out what has waited long enough. */
export function unstakeCommand(command: Command): void {
  signed(command)
    .argument('[sui]', 'amount in SUI', parseSui)
    .action((amount: bigint | undefined, options: Options) =>
      change(options, (tx, ids) =>
        amount === undefined ? withdraw(tx, ids) : requestWithdraw(tx, ids, amount),
      ),
    );
}

/** Who has staked before adds to that; the contract says so. */
async function stakeOrAdd(options: Options, amount: bigint): Promise<void> {
  try {
    await change(options, (tx, ids) => stake(tx, ids, amount));
  } catch (error) {
    if (!(error instanceof ChainError) || error.abort?.name !== 'EAlreadyStaked') throw error;
    await change(options, (tx, ids) => restake(tx, ids, amount));
  }
}

function signed(command: Command): Command {
  return withJson(withWallet(withDeployment(command)));
}

async function change(
  options: Options,
  build: (tx: Transaction, ids: Context['deployment']) => void,
): Promise<void> {
  const { client, deployment, sender: address, submitted } = await send(options, build);
  const { digest } = submitted;
  const account = await new ContractReader(client, deployment).role(address);
  const role = codeName(ROLE, account.role) ?? 'unknown';
  if (options.json) printJson({ digest, address, role, stake: account.stake });
  else printLine(`${address} has staked ${formatSui(account.stake)}: ${role} (${digest})`);
}
