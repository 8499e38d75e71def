import { createHash } from 'node:crypto';
import {
  MAX_BODY_BYTES,
  MAX_REFERENCED_BYTES,
  submitRequest,
  submitRequestByDigest,
} from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { Argument, type Command } from 'commander';
import { parseDigest } from './arguments.ts';
import { CliError } from './error.ts';
import { readBytes } from './file.ts';
import { type SubmitOptions, submitOrders, submitting } from './submit-orders.ts';

interface OrderOptions extends SubmitOptions {
  query: string;
  type: string;
  file?: string;
  blob?: Uint8Array;
}

/** `daas order`: a request to Kubernetes as it is. */
export function orderCommand(command: Command): void {
  submitting(command)
    .addArgument(new Argument('<method>', 'of the request').choices(['POST', 'PUT', 'PATCH', 'DELETE']))
    .argument(
      '<path>',
      'such as /apis/apps/v1/namespaces/default/deployments; default means your own namespace',
    )
    .option('-f, --file <file>', 'the body')
    .option('--type <media type>', 'of the body', 'application/json')
    .option('--query <text>', 'without the question mark', '')
    .option(
      '--blob <id>',
      'the Walrus blob that holds the body, 64 hex digits: then only its digest goes on chain',
      parseDigest,
    )
    .action((method: string, path: string, options: OrderOptions) => order(method, path, options));
}

async function order(method: string, path: string, options: OrderOptions): Promise<void> {
  const { query, type: contentType, file, blob } = options;
  const body =
    file === undefined ? new Uint8Array() : await readBytes(file, 'the body', MAX_REFERENCED_BYTES);
  if (blob !== undefined && file === undefined)
    throw new CliError(
      'file',
      'Cannot order by a blob: name the body too, with --file; its digest goes on chain',
    );
  if (blob === undefined && body.length > MAX_BODY_BYTES)
    throw new CliError(
      'file',
      `Cannot order ${file}: it holds ${body.length} bytes, and ${MAX_BODY_BYTES} fit into a transaction; ` +
        'store it on Walrus and name the blob with --blob',
    );
  const request = { method, path, query, contentType };
  await submitOrders(options, (tx: Transaction, ids: ContractIds) => {
    if (blob === undefined) submitRequest(tx, ids, { ...request, body });
    else
      submitRequestByDigest(tx, ids, {
        ...request,
        digest: createHash('sha256').update(body).digest(),
        size: BigInt(body.length),
        blobId: blob,
      });
  });
}
