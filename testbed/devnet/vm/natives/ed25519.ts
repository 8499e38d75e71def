import { createPublicKey, verify } from 'node:crypto';
import { NATIVE_COSTS } from '../../protocol.ts';
import type { NativeModule } from '../native.ts';
import type { Reference, Value } from '../value.ts';

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Natives of `sui::ed25519`. */
export const ED25519: NativeModule = {
  ed25519_verify: ([signature, key, message], call) => {
    const bytes = bytesOf(message!);
    const { base, byte, block, blockBytes } = NATIVE_COSTS.ed25519;
    call.charge(base + byte * bytes.length + block * Math.ceil(bytes.length / blockBytes));
    return isSigned(bytesOf(signature!), bytesOf(key!), bytes);
  },
};

/** As on Sui, a key or a signature that is none is no fault: it just does not verify. */
function isSigned(signature: Uint8Array, key: Uint8Array, message: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || key.length !== KEY_BYTES) return false;
  const x = Buffer.from(key).toString('base64url');
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verify(null, message, publicKey, signature);
  } catch {
    return false;
  }
}

function bytesOf(reference: Value): Uint8Array {
  return Uint8Array.from((reference as Reference).value as number[]);
}
