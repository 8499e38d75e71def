import { createHash } from 'node:crypto';
import {
  type KubernetesRequestArgs,
  MAX_BODY_BYTES,
  MAX_REFERENCED_BYTES,
  submitRequest,
  submitRequestByDigest,
} from '@daasvader/chain/calls/user.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import type { Transaction } from '@mysten/sui/transactions';
import { CliError } from './error.ts';
import { storeBlob, type WalrusOptions } from './walrus.ts';

/** Sui takes 128 KiB; the rest is for gas, signatures and objects. */
const MAX_TRANSACTION_BYTES = 122_880;
/** What a call takes besides its texts and its body, generously. */
const CALL_BYTES = 512;

/** Where a path names one object. */
const NAMED = /\/namespaces\/[^/]+\/[^/]+\/[^/]+$/;

/** Puts orders into a transaction. */
export type AddOrders = (tx: Transaction, ids: ContractIds) => void;

/**
 * Makes one transaction of requests to Kubernetes. What has no room in it is stored on Walrus now, so that the transaction
 * holds its digest only: the largest bodies first.
 *
 * @returns what puts them into it, in their order
 * @throws CliError `file` when one is larger than Kubernetes takes, or there is no publisher; `walrus`
 */
export async function prepareOrders(
  orders: readonly KubernetesRequestArgs[],
  { walrusPublisher, walrusEpochs }: WalrusOptions,
): Promise<AddOrders> {
  const blobs = new Map<KubernetesRequestArgs, Uint8Array>();
  for (const order of withoutRoom(orders)) {
    const { body, path } = order;
    if (body.length > MAX_REFERENCED_BYTES)
      throw new CliError(
        'file',
        `Cannot order ${path}: Kubernetes takes ${MAX_REFERENCED_BYTES} bytes, not ${body.length}`,
      );
    if (walrusPublisher === undefined)
      throw new CliError(
        'file',
        `Cannot order ${path}: its ${body.length} bytes have no room in the transaction; name who stores them with --walrus-publisher, or order less at once`,
      );
    assertNamed(order);
    process.stderr.write(`storing ${body.length} bytes at ${walrusPublisher}\n`);
    blobs.set(order, await storeBlob(walrusPublisher, walrusEpochs, body));
  }
  return (tx, ids) => {
    for (const order of orders) {
      const blobId = blobs.get(order);
      if (blobId === undefined) submitRequest(tx, ids, order);
      else submitRequestByDigest(tx, ids, { ...order, ...referenceOf(order.body), blobId });
    }
  };
}

/**
 * A body by its digest is fetched after its order has taken its place, so a POST says in its path whose it is.
 *
 * @throws CliError `file`
 */
export function assertNamed({ method, path }: Pick<KubernetesRequestArgs, 'method' | 'path'>): void {
  if (method === 'POST' && !NAMED.test(path))
    throw new CliError(
      'file',
      `Cannot order POST ${path} by the digest of its body: add the name of the object to the path`,
    );
}

/** What a transaction says of a body that it does not hold. */
export function referenceOf(body: Uint8Array): { digest: Uint8Array; size: bigint } {
  return { digest: createHash('sha256').update(body).digest(), size: BigInt(body.length) };
}

/** The smallest go in as long as there is room. */
function withoutRoom(orders: readonly KubernetesRequestArgs[]): KubernetesRequestArgs[] {
  let left = MAX_TRANSACTION_BYTES;
  for (const { path, query } of orders) left -= CALL_BYTES + path.length + query.length;
  return orders
    .toSorted((a, b) => a.body.length - b.body.length)
    .filter(({ body }) => {
      const fits = body.length <= MAX_BODY_BYTES && body.length <= left;
      if (fits) left -= body.length;
      return !fits;
    });
}
