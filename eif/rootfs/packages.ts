import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { RootfsError } from './error.ts';

/** What Node loads, and what the licences ask for; types, sources, maps and manuals stay out. */
const WANTED = /\.(js|cjs|mjs|json|node|wasm)$|^(LICEN[CS]E|COPYING|NOTICE)/i;
const UNWANTED = /^(test|tests|__tests__|benchmarks?|examples?|docs?|typings|musl_x64)$/;
/**
 * Optional dependencies in use. npm installs such by machine, and the image must not depend on whose machine that was,
 * so all others stay out.
 */
const OPTIONAL = new Set(['@koromix/koffi-linux-x64']);

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * Lists the files of npm packages and of all that they depend on.
 *
 * @param root of the repository; packages are found as Node finds them, nested ones first
 * @param names packages that are needed
 * @returns paths in the repository, sorted
 * @throws RootfsError `package` when one is not installed
 */
export async function collectPackages(root: string, names: readonly string[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const name of names) folders.add(await find(root, name, '.'));
  for (const folder of folders) {
    for (const name of await dependenciesOf(root, folder)) folders.add(await find(root, name, folder));
  }
  const lists = await Promise.all([...folders].map((folder) => listFiles(root, folder)));
  return lists.flat().sort();
}

async function dependenciesOf(root: string, folder: string): Promise<string[]> {
  const { dependencies = {}, optionalDependencies = {} } = await manifest(root, folder);
  const required = Object.keys(dependencies).filter((name) => !(name in optionalDependencies));
  return required.concat(Object.keys(optionalDependencies).filter((name) => OPTIONAL.has(name)));
}

/** Node's own search: node_modules of the folder, then of each folder above. */
async function find(root: string, name: string, from: string): Promise<string> {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (await manifest(root, candidate).catch(() => undefined)) return candidate;
    if (folder === '.') break;
  }
  throw new RootfsError('package', `Cannot find npm package ${name}, which ${from} needs: run make setup`);
}

async function manifest(root: string, folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
}

async function listFiles(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const lists = entries.map((entry) => {
    const path = `${folder}/${entry.name}`;
    // Nested packages are listed by whoever depends on them.
    if (entry.isDirectory() && entry.name !== 'node_modules' && !UNWANTED.test(entry.name))
      return listFiles(root, path);
    return entry.isFile() && WANTED.test(entry.name) ? [path] : [];
  });
  return (await Promise.all(lists)).flat();
}
