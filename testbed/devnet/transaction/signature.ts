import { createPublicKey, verify } from 'node:crypto';
import { toBase64 } from '@mysten/bcs';
import { messageWithIntent } from '@mysten/sui/cryptography';
import { normalizeSuiAddress } from '@mysten/sui/utils';
import { verifyTransactionSignature } from '@mysten/sui/verify';
import { blake2b } from '@noble/hashes/blake2.js';
import { DevnetError, unsupported } from '../error.ts';
import type { Address } from '../vm/types.ts';

const ED25519 = 0;
const ZKLOGIN = 5;
/** Flag, signature, public key. */
const ED25519_LENGTH = 1 + 64 + 32;
/** DER of an Ed25519 SubjectPublicKeyInfo up to the key. */
const ED25519_SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * Checks that every required signer signed, in any order and each exactly once, as Sui does.
 *
 * @param data - BCS of TransactionData
 * @throws {DevnetError} `INVALID_ARGUMENT`; `UNIMPLEMENTED` for zkLogin
 */
export async function checkSignatures(
  data: Uint8Array,
  signatures: Uint8Array[],
  signers: Address[],
): Promise<void> {
  const required = new Set(signers);
  if (signatures.length !== required.size) {
    throw refused(`Expect ${required.size} signer signatures but got ${signatures.length}`);
  }
  for (const signature of signatures) {
    const signer = await signerOf(data, signature);
    if (!required.delete(signer))
      throw refused(`Required Signature from ${[...required].join(', ')} is absent; ${signer} signed`);
  }
}

async function signerOf(data: Uint8Array, signature: Uint8Array): Promise<Address> {
  if (signature[0] === ZKLOGIN) throw unsupported('Signature scheme zkLogin');
  if (signature[0] === ED25519) return ed25519Signer(data, signature);
  try {
    const key = await verifyTransactionSignature(data, toBase64(signature));
    return normalizeSuiAddress(key.toSuiAddress());
  } catch (cause) {
    throw refused(`Signature is not valid: ${(cause as Error).message}`, { cause });
  }
}

/** Native code: it is the scheme nearly every transaction uses. */
function ed25519Signer(data: Uint8Array, signature: Uint8Array): Address {
  if (signature.length !== ED25519_LENGTH) throw refused('Signature is not valid: wrong length');
  const publicKey = signature.subarray(65);
  const key = createPublicKey({
    key: Buffer.concat([ED25519_SPKI_PREFIX, publicKey]),
    format: 'der',
    type: 'spki',
  });
  const message = blake2b(messageWithIntent('TransactionData', data), { dkLen: 32 });
  if (!verify(null, message, key, signature.subarray(1, 65)))
    throw refused('Signature is not valid: Cannot verify signature');
  const address = blake2b(Buffer.concat([Uint8Array.of(ED25519), publicKey]), { dkLen: 32 });
  return `0x${Buffer.from(address).toString('hex')}`;
}

function refused(reason: string, options?: ErrorOptions): DevnetError {
  return new DevnetError('INVALID_ARGUMENT', `Invalid user signature: ${reason}`, options);
}
