/** What the owner of a container image calls. */
import type { Transaction } from '@mysten/sui/transactions';
import type { ContractIds } from '../deployment.ts';
import { type Arguments, bytes, call, strings } from './call.ts';

/** What an image's owner needs. */
export type ImageIds = Pick<ContractIds, 'packageId'> & { imagesId: string };

/** An image: digest of its manifest and Walrus blob id, 32 bytes each. */
export interface ImageArgs {
  name: string;
  tag: string;
  digest: Uint8Array;
  blobId: Uint8Array;
}

/** Says which image a tag means; a name that nobody has becomes the sender's. */
export function publishImage(tx: Transaction, ids: ImageIds, args: ImageArgs): void {
  const values = [args.digest, args.blobId].map((value) => bytes(tx, value));
  imageCall(tx, ids, 'publish_image', [...strings(tx, [args.name, args.tag]), ...values]);
}

/** Takes a tag away. */
export function removeImage(tx: Transaction, ids: ImageIds, args: { name: string; tag: string }): void {
  imageCall(tx, ids, 'remove_image', strings(tx, [args.name, args.tag]));
}

/** Gives a name with all its tags to another account. */
export function transferImageName(
  tx: Transaction,
  ids: ImageIds,
  args: { name: string; newOwner: string },
): void {
  const values = [tx.pure.string(args.name), tx.pure.address(args.newOwner)];
  imageCall(tx, ids, 'transfer_name', values);
}

/** Frees a name that has no tags. */
export function dropImageName(tx: Transaction, ids: ImageIds, name: string): void {
  imageCall(tx, ids, 'drop_name', strings(tx, [name]));
}

function imageCall(tx: Transaction, ids: ImageIds, name: string, args: Arguments): void {
  call(tx, ids, `image_registry::${name}`, [ids.imagesId], args);
}
