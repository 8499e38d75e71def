import { pruneRequest } from '@daasvader/chain/calls/anyone.ts';
import { execute } from '@daasvader/chain/submit.ts';
import type { Command } from 'commander';
import { collectRequestIds } from './arguments.ts';
import {
  type DeploymentOptions,
  type WalletOptions,
  withDeployment,
  withJson,
  withWallet,
} from './context.ts';
import { printJson, printLine } from './output.ts';
import { send } from './send.ts';

/** `daas prune`: deletes requests that are done from the chain. */
export function pruneCommand(command: Command): void {
  withJson(withWallet(withDeployment(command)))
    .argument('<request...>', 'numbers of requests that are done', collectRequestIds)
    .action(async (given: bigint[], options: DeploymentOptions & WalletOptions & { json?: boolean }) => {
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
