import { createHash } from 'node:crypto';
import type { Native, NativeModule } from '../native.ts';

/** Natives of `std::hash`. */
export const HASH: NativeModule = {
  sha2_256: hash('sha256'),
  sha3_256: hash('sha3-256'),
};

function hash(algorithm: string): Native {
  return ([data], { session }) => {
    const bytes = Uint8Array.from(data as number[]);
    session.charge(bytes.length);
    return [...createHash(algorithm).update(bytes).digest()];
  };
}
