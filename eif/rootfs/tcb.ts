import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { packageFolder } from './packages.ts';
import { programFiles } from './rootfs.ts';

// What one has to trust of the image besides kernel, C library, Node and Kubernetes, which are pinned elsewhere: each
// source and each npm package that is in it. The list is kept in the repository, so that whatever joins it is seen.
//
//   bin/node eif/rootfs/tcb.ts      writes the list anew

/** The list. */
export const LIST = join(import.meta.dirname, '../tcb.txt');
const HEADING = `Sources and npm packages in the enclave image. Written by: bin/node eif/rootfs/tcb.ts\n\n`;
const SIZE = /^(.*), at most (\d+) KiB$/;
/** Room that the sources of a folder have to grow in, and packages, whose versions are pinned, have not. */
const ROOM_KIB = { sources: 16, packages: 1 };

/**
 * Lists what is in the image now: by folder its sources, by package its version and number of files, each with a size.
 *
 * @param root of the repository
 * @throws RootfsError as {@link programFiles} does
 */
export async function describeTcb(root: string): Promise<string> {
  const { sources, packages } = await programFiles(root);
  const [bySource, byPackage] = [Map.groupBy(sources, dirname), Map.groupBy(packages, packageFolder)];
  const lines: string[] = [];
  for (const [folder, files] of sorted(bySource)) {
    const names = files.map((file) => `  ${file.slice(folder.length + 1)}`);
    lines.push(`${folder}, ${await sizeOf(root, files, ROOM_KIB.sources)}`, ...names);
  }
  lines.push('');
  for (const [folder, files] of sorted(byPackage)) {
    const { version } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const name = folder.replace(/^node_modules\//, '');
    const size = await sizeOf(root, files, ROOM_KIB.packages);
    lines.push(`${name} ${version}, ${files.length} files, ${size}`);
  }
  lines.push('', `all packages, ${await sizeOf(root, packages, ROOM_KIB.packages)}`);
  return `${HEADING}${lines.join('\n')}\n`;
}

/**
 * Compares a list with another one.
 *
 * @returns lines that only one of them has, `+` the newer and `-` the older, and sizes that exceed the older one's
 */
export function compareTcb(older: string, newer: string): string[] {
  const [before, now] = [readList(older), readList(newer)];
  const grown = [...now].filter(([name, kib]) => kib > (before.get(name) ?? Number.POSITIVE_INFINITY));
  return [
    ...[...now.keys()].filter((name) => !before.has(name)).map((name) => `+ ${name}`),
    ...[...before.keys()].filter((name) => !now.has(name)).map((name) => `- ${name}`),
    ...grown.map(([name, kib]) => `${name} has grown from ${before.get(name)} to ${kib} KiB`),
  ];
}

/** Sizes by what they are of; 0 where none is stated. Sources are named with their folder. */
function readList(text: string): Map<string, number> {
  let folder = '';
  const entries = text.split('\n').map((line): [string, number] => {
    const [, name = line, kib = '0'] = SIZE.exec(line) ?? [];
    if (!name.startsWith('  ')) folder = name;
    return [name.startsWith('  ') ? `${folder}/${name.trim()}` : name, Number(kib)];
  });
  return new Map(entries);
}

async function sizeOf(root: string, files: readonly string[], room: number): Promise<string> {
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(root, file))).size));
  const kib = sizes.reduce((sum, size) => sum + size, 0) / 1_024;
  return `at most ${Math.ceil(kib / room) * room} KiB`;
}

function sorted<T>(map: Map<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

if (import.meta.main) await writeFile(LIST, await describeTcb(resolve(import.meta.dirname, '../..')));
