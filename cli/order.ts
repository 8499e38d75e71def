import { MAX_REFERENCED_BYTES, submitRequestByDigest } from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Argument, type Command } from 'commander';
import { parseDigest } from './arguments.ts';
import { CliError } from './error.ts';
import { readBytes } from './file.ts';
import { assertNamed, prepareOrders, referenceOf } from './kubernetes-orders.ts';
import { type SubmitOptions, submitOrders, submitting } from './submit-orders.ts';
import { type WalrusOptions, withWalrus } from './walrus.ts';

interface OrderOptions extends SubmitOptions, WalrusOptions {
  query: string;
  type: string;
  file?: string;
  blob?: Uint8Array;
}

/** `daas order`: a request to Kubernetes as it is. */
export function orderCommand(command: Command): void {
  withWalrus(submitting(command))
    .addArgument(new Argument('<method>', 'of the request').choices(['POST', 'PUT', 'PATCH', 'DELETE']))
    .argument(
      '<path>',
      'such as /apis/apps/v1/namespaces/default/deployments; default means your own namespace; with the name also for a POST whose body goes by its digest',
    )
    .option('-f, --file <file>', 'the body')
    .option('--type <media type>', 'of the body', 'application/json')
    .option(
      '--query <text>',
      'without the question mark: fieldManager, force, propagationPolicy, gracePeriodSeconds, orphanDependents',
      '',
    )
    .option(
      '--blob <id>',
      'the Walrus blob that holds the body already, 64 hex digits: then only its digest goes on chain',
      parseDigest,
    )
    .action((method: string, path: string, options: OrderOptions) => order(method, path, options));
}

async function order(method: string, path: string, options: OrderOptions): Promise<void> {
  const { query, type: contentType, file, blob: blobId } = options;
  const body =
    file === undefined ? new Uint8Array() : await readBytes(file, 'the body', MAX_REFERENCED_BYTES);
  if (blobId !== undefined && file === undefined)
    throw new CliError(
      'file',
      'Cannot order by a blob: name the body too, with --file; its digest goes on chain',
    );
  const request = { method, path, query, contentType, body };
  if (blobId === undefined) return submitOrders(options, await prepareOrders([request], options));
  assertNamed(request);
  await submitOrders(options, (tx: Transaction, ids: ContractIds) =>
    submitRequestByDigest(tx, ids, { ...request, ...referenceOf(body), blobId }),
  );
}
