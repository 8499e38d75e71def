import { ed25519 } from '@noble/curves/ed25519.js';
import type { NativeModule } from '../native.ts';
import type { Reference } from '../value.ts';

/** Sui's price of a signature is near 1,900 internal units and a byte of message less than one: of the same order here. */
const VERIFICATION_UNITS = 1_800;

/** Bytes (RFC 8032, 5.1.5 and 5.1.6). */
const SIGNATURE_LENGTH = 64;
const PUBLIC_KEY_LENGTH = 32;

/** Natives of `sui::ed25519`. Like Sui's library, the curve takes points as ZIP 215 has it. */
export const ED25519: NativeModule = {
  ed25519_verify: ([signature, publicKey, message], { session }) => {
    const [s, key, text] = [signature, publicKey, message].map(bytesOf) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    session.charge(VERIFICATION_UNITS + text.length);
    if (s.length !== SIGNATURE_LENGTH || key.length !== PUBLIC_KEY_LENGTH) return false;
    return ed25519.verify(s, text, key);
  },
};

function bytesOf(value: unknown): Uint8Array {
  return Uint8Array.from((value as Reference).value as number[]);
}
