import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NsmError } from '@daasvader/enclave/nsm/nsm.ts';

/** What corresponds to kernel and boot files: which packages and which k3s the sources run with. */
const BOOT = ['package.json', 'package-lock.json', 'k3s'];

/** What corresponds to the application's file system. */
const APPLICATION = ['enclave', 'lib', 'verify-page'];

/** Measurements of a source tree, 48 bytes each, as PCR 0 to 2 of an image are. */
export interface Measurement {
  pcr0: Uint8Array;
  pcr1: Uint8Array;
  pcr2: Uint8Array;
}

/**
 * Measures the source tree that an enclave process runs from. Each PCR is SHA-384(48 zero bytes ‖ digest), as
 * for an image, where the digest covers name and contents of every file, sorted by name:
 *
 * - PCR 1, boot: Node's version and platform, the package lock, the sources of k3s
 * - PCR 2, application: `enclave/`, `lib/` and `verify-page/`
 * - PCR 0: both
 *
 * Tests are left out, so that a test that changes does not change the enclave.
 *
 * @param sourceDir root of the repository
 * @throws NsmError `nsm_measure`
 */
export async function measureSourceTree(sourceDir: string): Promise<Measurement> {
  const runtime = `node ${process.version} ${process.platform}-${process.arch}\n`;
  const boot = runtime + (await listDigests(sourceDir, BOOT));
  const application = await listDigests(sourceDir, APPLICATION);
  return { pcr0: toPcr(boot + application), pcr1: toPcr(boot), pcr2: toPcr(application) };
}

/** One line `digest  path` per file. */
async function listDigests(sourceDir: string, roots: string[]): Promise<string> {
  const lists = await Promise.all(roots.map((root) => listFiles(sourceDir, root)));
  const paths = lists.flat().sort();
  const lines = await Promise.all(
    paths.map(async (path) => {
      const digest = createHash('sha384').update(await readFile(join(sourceDir, path)));
      return `${digest.digest('hex')}  ${path}\n`;
    }),
  );
  return lines.join('');
}

async function listFiles(sourceDir: string, root: string): Promise<string[]> {
  if (/\.json$/.test(root)) return [root];
  const entries = await readdir(join(sourceDir, root), { withFileTypes: true }).catch((cause) => {
    throw new NsmError('nsm_measure', `Cannot measure ${root} in ${sourceDir}: it is not readable`, {
      cause,
    });
  });
  const lists = entries.map((entry) => {
    const path = `${root}/${entry.name}`;
    if (entry.name === 'node_modules' || entry.name.endsWith('.test.ts')) return [];
    if (entry.isDirectory()) return listFiles(sourceDir, path);
    if (entry.isFile()) return [path];
    throw new NsmError('nsm_measure', `Cannot measure ${path}: neither a file nor a directory`);
  });
  return (await Promise.all(lists)).flat();
}

function toPcr(content: string): Uint8Array {
  const digest = createHash('sha384').update(content).digest();
  return new Uint8Array(createHash('sha384').update(new Uint8Array(48)).update(digest).digest());
}
