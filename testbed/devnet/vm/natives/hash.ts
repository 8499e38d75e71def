import { createHash } from 'node:crypto';
import { blake2b } from '@noble/hashes/blake2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { NATIVE_COSTS } from '../../protocol.ts';
import type { Native, NativeModule } from '../native.ts';
import type { Reference } from '../value.ts';

/** Natives of `std::hash`. */
export const HASH: NativeModule = {
  sha2_256: hash('sha256'),
  sha3_256: hash('sha3-256'),
};

/** Natives of `sui::hash`. */
export const SUI_HASH: NativeModule = {
  blake2b256: blockHash(NATIVE_COSTS.blake2b256, (bytes) => blake2b(bytes, { dkLen: 32 })),
  keccak256: blockHash(NATIVE_COSTS.keccak256, keccak_256),
};

function hash(algorithm: string): Native {
  return ([data], call) => {
    const bytes = Uint8Array.from(data as number[]);
    const { base, byte, minBytes } = NATIVE_COSTS.hash;
    call.charge(base + byte * Math.max(bytes.length, minBytes));
    return [...createHash(algorithm).update(bytes).digest()];
  };
}

function blockHash(
  { base, byte, block, blockBytes }: { base: number; byte: number; block: number; blockBytes: number },
  digest: (bytes: Uint8Array) => Uint8Array,
): Native {
  return ([data], call) => {
    const bytes = Uint8Array.from((data as Reference).value as number[]);
    call.charge(base + byte * bytes.length + block * Math.ceil(bytes.length / blockBytes));
    return [...digest(bytes)];
  };
}
