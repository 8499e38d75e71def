import { requestWithdraw, restake, stake, withdraw } from '@daasvader/chain/calls/user.ts';
import { codeName, ROLE } from '@daasvader/chain/codes.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parseSui } from './arguments.ts';
import { type Context, type SignedOptions, withSigned } from './context.ts';
import { formatSui, printJson, printLine } from './output.ts';
import { send } from './send.ts';

/** `daas stake`: SUI for a role. */
export function stakeCommand(command: Command): void {
  withSigned(command)
    .argument('<sui>', 'amount in SUI', parseSui)
    .action((amount: bigint, options: SignedOptions) => stakeOrAdd(options, amount));
}

/** `daas unstake`: asks for stake back, and takes out what has waited long enough. */
export function unstakeCommand(command: Command): void {
  withSigned(command)
    .argument('[sui]', 'amount in SUI', parseSui)
    .action((amount: bigint | undefined, options: SignedOptions) =>
      change(options, (tx, ids) =>
        amount === undefined ? withdraw(tx, ids) : requestWithdraw(tx, ids, amount),
      ),
    );
}

/** Who has staked before adds to that; the contract says so. */
async function stakeOrAdd(options: SignedOptions, amount: bigint): Promise<void> {
  try {
    await change(options, (tx, ids) => stake(tx, ids, amount));
  } catch (error) {
    if (!(error instanceof ChainError) || error.abort?.name !== 'EAlreadyStaked') throw error;
    await change(options, (tx, ids) => restake(tx, ids, amount));
  }
}

async function change(
  options: SignedOptions,
  build: (tx: Transaction, ids: Context['deployment']) => void,
): Promise<void> {
  const { client, deployment, sender: address, submitted } = await send(options, build);
  const { digest } = submitted;
  const account = await new ContractReader(client, deployment).role(address);
  const role = codeName(ROLE, account.role) ?? 'unknown';
  if (options.json) printJson({ digest, address, role, stake: account.stake });
  else printLine(`${address} has staked ${formatSui(account.stake)}: ${role} (${digest})`);
}
