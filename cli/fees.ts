import { depositFees } from '@daasvader/chain/calls/anyone.ts';
import { withdrawFees } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Command } from 'commander';
import { parseAddress, parseSui } from './arguments.ts';
import { openContext, type SignedOptions, withSigned } from './context.ts';
import { formatSui, printJson, printLine } from './output.ts';
import { send } from './send.ts';
import { openWallet } from './wallet/open.ts';

/** `daas fees`: what orders cost, paid in advance to whoever pays the gas of their outcome. */
export function feesCommand(command: Command): void {
  command.addCommand(showCommand()).addCommand(depositCommand()).addCommand(withdrawCommand());
}

function showCommand(): Command {
  return withSigned(new Command('show'))
    .description('show the fee of an order and what the wallet has paid in advance')
    .action(async (given: SignedOptions) => {
      const address = (await openWallet(given)).toSuiAddress();
      await show(given, address, await openContext(given));
    });
}

function depositCommand(): Command {
  return withSigned(new Command('deposit'))
    .description('pay in advance for orders in namespaces of yours, or of another')
    .argument('<sui>', 'amount in SUI', parseSui)
    .option('--for <address>', 'whose orders it pays; your own when left out', parseAddress)
    .action((amount: bigint, given: SignedOptions & { for?: string }) =>
      change(given, given.for, (tx, ids, owner) => depositFees(tx, ids, { payment: amount, owner })),
    );
}

function withdrawCommand(): Command {
  return withSigned(new Command('withdraw'))
    .description('take back what no order has used')
    .argument('<sui>', 'amount in SUI', parseSui)
    .action((amount: bigint, given: SignedOptions) =>
      change(given, undefined, (tx, ids) => withdrawFees(tx, ids, amount)),
    );
}

async function change(
  given: SignedOptions,
  owner: string | undefined,
  build: (tx: Transaction, ids: ContractIds, owner: string) => void,
): Promise<void> {
  const { sender, submitted, ...context } = await send(given, (tx, ids, sender) =>
    build(tx, ids, owner ?? sender),
  );
  await show(given, owner ?? sender, context, submitted.digest);
}

async function show(
  given: SignedOptions,
  address: string,
  { client, deployment }: Awaited<ReturnType<typeof openContext>>,
  digest?: string,
): Promise<void> {
  const { fee, balance } = await new ContractReader(client, deployment).fees(address);
  if (given.json) return printJson({ digest, address, fee, balance });
  const done = digest === undefined ? '' : ` (${digest})`;
  printLine(`${address} has ${formatSui(balance)} for orders at ${formatSui(fee)} each${done}`);
}
