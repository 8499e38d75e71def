import { pruneRequest } from '@daasvader/chain/calls/anyone.ts';
import { execute } from '@daasvader/chain/submit.ts';
import type { Command } from 'commander';
import { collectRequestIds } from './arguments.ts';
import { type SignedOptions, withSigned } from './context.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';

/** `daas prune`: deletes requests that are done from the chain. */
export function pruneCommand(command: Command): void {
  withSigned(command)
    .argument('<request...>', 'numbers of requests that are done', collectRequestIds)
    .action(async (given: bigint[], options: SignedOptions) => {
      const ids = [...new Set(given)];
      const { submitted } = await send(
        options,
        (tx, deployment) => {
          for (const id of ids) pruneRequest(tx, deployment, id);
        },
        execute,
      );
      const { digest } = submitted;
      if (options.json) printJson({ digest, pruned: ids });
      else printLine(`pruned ${ids.map((id) => `request ${id}`).join(', ')} (${digest})`);
    });
}
