import { closeSync, openSync } from 'node:fs';
import type { Nsm } from '../nsm/nsm.ts';
import { ioctl } from './system.ts';

/** _IOW('R', 0x03, int[2]) of linux/random.h. */
const RNDADDENTROPY = 0x4008_5203;
/** Twice what the kernel's pool takes in: 256 bits of 256. */
const SEED_BYTES = 64;

/**
 * Seeds the kernel's random numbers with the security module's, of which the host knows nothing. Every key of this
 * machine is made after that.
 */
export async function seedEntropy(nsm: Nsm): Promise<void> {
  const seed = await nsm.random(SEED_BYTES);
  // struct rand_pool_info: entropy in bits, size in bytes, then the bytes.
  const pool = Buffer.alloc(8 + SEED_BYTES);
  pool.writeInt32LE(SEED_BYTES * 8, 0);
  pool.writeInt32LE(SEED_BYTES, 4);
  pool.set(seed, 8);
  const fd = openSync('/dev/random', 'r+');
  try {
    ioctl(fd, RNDADDENTROPY, pool);
  } finally {
    closeSync(fd);
    pool.fill(0);
  }
}
