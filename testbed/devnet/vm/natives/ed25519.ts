import { ed25519 } from '@noble/curves/ed25519.js';
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

/**
 * As on Sui, a key or a signature that is none is no fault: it just does not verify. Points are taken as ZIP 215 has it,
 * those of small order too, which Node's own `verify` refuses.
 */
function isSigned(signature: Uint8Array, key: Uint8Array, message: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES || key.length !== KEY_BYTES) return false;
  return ed25519.verify(signature, message, key, { zip215: true });
}

function bytesOf(reference: Value): Uint8Array {
  return Uint8Array.from((reference as Reference).value as number[]);
}
