import { closeEnclave } from '@daasvader/chain/calls/anyone.ts';
import { closeTicket } from '@daasvader/chain/calls/operator.ts';
import type { Deployment } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import type { Command } from 'commander';
import { parseAddress } from './arguments.ts';
import { type SignedOptions, signed } from './context.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';

/** `daas close`: what registering left on chain; who deletes it gets its storage deposit. */
export function closeCommand(command: Command): void {
  command
    .addCommand(
      closing('enclave', 'delete an enclave that is in no seat, a week after it registered', closeEnclave),
    )
    .addCommand(closing('ticket', 'delete a registration ticket of yours that was not used', closeTicket));
}

function closing(
  name: string,
  description: string,
  call: (tx: Transaction, ids: Deployment, id: string) => void,
): Command {
  return signed(name, description)
    .argument('<id>', 'object id', parseAddress)
    .action(async (id: string, options: SignedOptions) => {
      const { digest } = (await send(options, (tx, ids) => call(tx, ids, id))).submitted;
      if (options.json) printJson({ digest, closed: id });
      else printLine(`closed ${id} (${digest})`);
    });
}
