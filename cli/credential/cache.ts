import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { readBounded } from '@daasvader/program/bounded-file.ts';
import { replacePrivate } from '@daasvader/program/private-file.ts';
import { z } from 'zod';

/** Far above a certificate, a CA and a key. */
const MAX_BYTES = 1 << 16;

const hex = z.string().regex(/^[0-9a-f]{64}$/);
const kept = z.object({
  /** When the control plane was verified, ms since 1970. */
  verifiedAtMs: z.int(),
  /** SHA-256 of the verified TLS key and of the attested CA. */
  tlsKey: hex,
  caSha256: hex,
  credential: z.object({
    server: z.string(),
    ca: z.string(),
    certificate: z.string(),
    key: z.string(),
    expiresAtMs: z.int(),
    namespace: z.string(),
    namespaces: z.array(z.string()),
    role: z.string(),
  }),
});

/** A verification and the last credential that was issued after it. */
export type Kept = z.output<typeof kept>;

/** What a verification was of: with another of these, nothing that was kept counts. */
export interface CacheKey {
  api: string;
  /** PEM; undefined for AWS's. */
  root: string | undefined;
  chainId: string;
  packageId: string;
  clusterId: string;
  address: string;
}

/**
 * Reads what was kept, if it is ours alone: whoever could write it could have us believe any control plane.
 *
 * @returns undefined also when it is damaged: then everything is asked anew
 */
export async function readKept(key: CacheKey): Promise<Kept | undefined> {
  const file = fileOf(key);
  try {
    for (const path of [folder(), file]) {
      const { uid, mode } = await lstat(path);
      if (uid !== process.getuid?.() || (mode & 0o077) !== 0) return undefined;
    }
    return kept.parse(JSON.parse((await readBounded(file, MAX_BYTES)).toString('utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Keeps it for its owner alone to read, whole or not at all. Of two at once the later one stays, and both are good.
 *
 * @throws what the system says
 */
export async function keep(key: CacheKey, value: Kept): Promise<void> {
  await mkdir(folder(), { recursive: true, mode: 0o700 });
  await replacePrivate(fileOf(key), JSON.stringify(value));
}

function fileOf({ api, root = '', chainId, packageId, clusterId, address }: CacheKey): string {
  const text = JSON.stringify([api, root, chainId, packageId, clusterId, address]);
  return join(folder(), `${createHash('sha256').update(text).digest('hex')}.json`);
}

/** XDG Base Directory Specification: a relative path is to be ignored. */
function folder(): string {
  const given = process.env.XDG_CACHE_HOME;
  const base = given?.startsWith('/') ? given : join(homedir(), '.cache');
  return join(base, 'daasvader', 'credentials');
}
