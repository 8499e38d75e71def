import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** Path inside a package (`sources/x.move`) → text. */
export type PackageFiles = Record<string, string>;

/** Where the framework's own two packages are. */
const FRAMEWORK = join(import.meta.dirname, 'framework');

/**
 * Reads the manifest and every Move source of a package.
 *
 * @param directory - the folder of `Move.toml`
 */
export async function readPackage(directory: string): Promise<PackageFiles> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && (entry.name === 'Move.toml' || entry.name.endsWith('.move')))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return Object.fromEntries(paths.map((path, index) => [relative(directory, path), texts[index]!]));
}

/**
 * Reads one package of the framework subset.
 *
 * @param name - `std` (0x1) or `sui` (0x2)
 */
export function readFramework(name: 'std' | 'sui'): Promise<PackageFiles> {
  return readPackage(join(FRAMEWORK, name));
}
