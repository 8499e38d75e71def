import { existsSync, openAsBlob } from 'node:fs';
import { basename, join } from 'node:path';
import { rootCertificates } from 'node:tls';
import type { Entry } from '@daasvader/eif/cpio.ts';
import { RootfsError } from './error.ts';
import { stripNode } from './node.ts';
import { collectPackages } from './packages.ts';
import { collectSources } from './sources.ts';

/** Where the repository lies in the image. */
const HOME = 'app';
/** PID 1. */
export const INIT = 'enclave/init/main.ts';
const LIBRARY_FOLDER = 'lib/x86_64-linux-gnu';
/** What Node and koffi are linked with (`readelf -d`), and what those need. */
const LIBRARIES = [
  'libc.so.6',
  'libdl.so.2',
  'libgcc_s.so.1',
  'libm.so.6',
  'libpthread.so.0',
  'libstdc++.so.6',
];
/** Names that must resolve without a resolver: Kubernetes calls itself by this one. */
const HOSTS = '127.0.0.1 localhost\n';

/** What PID 1 consists of. */
export interface ProgramFiles {
  readonly sources: readonly string[];
  /** Folders of the workspaces that sources are imported from by name. */
  readonly workspaces: readonly string[];
  readonly packages: readonly string[];
}

/** The programs that the image is made of besides its sources: paths on the build machine. */
export interface Programs {
  readonly node: string;
  readonly k3s: string;
  /** Folder with the unpacked packages of `libraries`. */
  readonly libraries: string;
  /** Folder with the unpacked packages of the toolchain. */
  readonly toolchain: string;
}

/**
 * The files that the machine boots with, whatever runs on it: the first ramdisk, which PCR 1 measures.
 *
 * @throws RootfsError `tool`
 */
export async function bootFiles({ node, k3s, libraries, toolchain }: Programs): Promise<Entry[]> {
  const libraryFiles = LIBRARIES.map(async (name) =>
    program(`${LIBRARY_FOLDER}/${name}`, locate(libraries, name)),
  );
  return [
    await program('usr/bin/node', await stripNode(node, toolchain)),
    await program('usr/bin/k3s', k3s),
    await program('lib64/ld-linux-x86-64.so.2', locate(libraries, 'ld-linux-x86-64.so.2')),
    ...(await Promise.all(libraryFiles)),
    text('etc/hosts', HOSTS),
    // Node carries Mozilla's list; this is the same one for everything else that looks for it.
    text('etc/ssl/certs/ca-certificates.crt', `${rootCertificates.toSorted().join('\n')}\n`),
    { kind: 'symlink', path: 'init', target: `${HOME}/${INIT}` },
  ];
}

/**
 * The program and what it loads of npm packages, as they lie in the repository: the second ramdisk, which PCR 2
 * measures. Workspaces lie beside node_modules and are linked from there, since Node runs no TypeScript in it.
 *
 * @param root of the repository
 * @throws RootfsError `import` or `package`
 */
export async function applicationFiles(root: string): Promise<Entry[]> {
  const { sources, workspaces, packages } = await programFiles(root);
  const manifests = ['.', ...new Set(['enclave', ...workspaces])].map((folder) =>
    join(folder, 'package.json'),
  );
  const paths = [...sources, ...manifests, ...packages];
  const links = workspaces.map((folder): Entry => {
    const path = `${HOME}/node_modules/@daasvader/${basename(folder)}`;
    return { kind: 'symlink', path, target: `../../${folder}` };
  });
  const entries = paths.map(async (path): Promise<Entry> => {
    const content = await openAsBlob(join(root, path));
    return { kind: 'file', path: `${HOME}/${path}`, content, executable: path === INIT };
  });
  return links.concat(await Promise.all(entries));
}

/**
 * The sources and the files of npm packages that Node may load, as paths in the repository.
 *
 * @param root of the repository
 * @throws RootfsError `import` or `package`
 */
export async function programFiles(root: string): Promise<ProgramFiles> {
  const { files, workspaces, packages } = await collectSources(root, INIT);
  return { sources: files, workspaces, packages: await collectPackages(root, packages) };
}

async function program(path: string, file: string): Promise<Entry> {
  return { kind: 'file', path, content: await openAsBlob(file), executable: true };
}

function text(path: string, content: string): Entry {
  return { kind: 'file', path, content: new Blob([content]), executable: false };
}

/** Debian keeps a library under the name of its version; the name that programs ask for is a link. */
function locate(libraries: string, name: string): string {
  const folders = [LIBRARY_FOLDER, 'usr/lib/x86_64-linux-gnu'];
  const file = folders.map((folder) => join(libraries, folder, name)).find(existsSync);
  if (file) return file;
  throw new RootfsError('tool', `Cannot find ${name}: it is in no package of eif/rootfs/libraries`);
}
