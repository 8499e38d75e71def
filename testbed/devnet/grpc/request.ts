/** Fields that several requests have. */
import { isValidSuiAddress, normalizeSuiAddress } from '@mysten/sui/utils';
import type { Page } from '../chain/store.ts';
import { DevnetError } from '../error.ts';
import { typeName } from '../transaction/type-name.ts';
import { parseTypeName } from '../vm/type-name.ts';
import type { Address, TypeName } from '../vm/types.ts';

/** Sui's sizes of a page. */
const DEFAULT_PAGE = 50;
const MAX_PAGE = 1_000;

/** @returns the address in a field. @throws {DevnetError} `INVALID_ARGUMENT` */
export function readAddress(text: string | undefined, field: string): Address {
  if (!text) throw invalid(`${field} is missing`);
  const address = normalizeSuiAddress(text);
  if (!isValidSuiAddress(address)) throw invalid(`${field}: ${text} is not an address`);
  return address;
}

/** @returns the type in a field, in this chain's spelling. @throws {DevnetError} `INVALID_ARGUMENT` */
export function readType(type: string | undefined, field: string): TypeName {
  if (!type) throw invalid(`${field} is missing`);
  try {
    // The SDK's parser is the lenient one.
    parseTypeName(type);
    return typeName(type);
  } catch (cause) {
    throw invalid(`${field}: "${type}" is not a type`, { cause });
  }
}

/**
 * Reads the size of a page and the key of the last item before it, which is its token.
 *
 * @throws {DevnetError} `INVALID_ARGUMENT`
 */
export function readPage(
  { pageSize, pageToken }: { pageSize?: number; pageToken?: Uint8Array },
  isKey: (text: string) => boolean,
): { limit: number; after?: string } {
  const limit = Math.min(pageSize || DEFAULT_PAGE, MAX_PAGE);
  if (!pageToken?.length) return { limit };
  const after = Buffer.from(pageToken).toString();
  if (!isKey(after)) throw invalid('page_token is none that this method gave');
  return { limit, after };
}

/** @returns the field for the token of the page after this one */
export function nextToken({ next }: Pick<Page<unknown>, 'next'>): { nextPageToken?: Uint8Array } {
  return next === undefined ? {} : { nextPageToken: Buffer.from(next) };
}

function invalid(reason: string, options?: ErrorOptions): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Cannot read request: ${reason}`, options);
}
