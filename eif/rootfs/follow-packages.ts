import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readImports } from './imports.ts';

// A program of its own, started by packages.ts: from imports of npm packages to all files that Node may load for them,
// each found by Node's own resolution, as when the program runs. Reads a Question from standard input, and writes an
// Answer.

/** What is asked. */
export interface Question {
  /** Folder under which all files lie. */
  readonly root: string;
  /** Specifiers by the path of the file that imports them. */
  readonly imports: Readonly<Record<string, readonly string[]>>;
  /** Packages that are never followed, whether they are there or not: a regular expression. */
  readonly absent: string;
  /** What is loaded by a name put together at run time, by the path of the file that does so. */
  readonly computed: Readonly<Record<string, readonly string[]>>;
}

/** What is found: paths under the root, with the manifests that Node goes by. */
export interface Answer {
  readonly files: readonly string[];
  /** What could not be followed, in words; then the files are not all. */
  readonly problems: readonly string[];
}

const question: Question = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(follow(question)));

function follow({ imports, absent, computed, ...question }: Question): Answer {
  const root = realpathSync(question.root); // as Node has it in what it resolves
  const files = new Set<string>();
  const problems: string[] = [];
  const isAbsent = new RegExp(`^(?:${absent})$`);
  const add = (from: string, specifier: string, how: 'import' | 'require') => {
    if (isBuiltin(specifier) || isAbsent.test(packageOf(specifier))) return;
    const file = resolve(from, specifier, how);
    if (file === undefined) problems.push(`${relative(root, from)} loads ${specifier}, which is not there`);
    else if (!file.startsWith(`${root}/node_modules/`)) problems.push(`${file} is in no package`);
    else files.add(file);
  };
  for (const [from, specifiers] of Object.entries(imports))
    for (const specifier of specifiers) add(`${root}/${from}`, specifier, 'import');
  // A set can grow while it is walked: what is added is visited.
  for (const file of files) {
    for (const manifest of manifestsOf(file)) files.add(manifest);
    if (!/\.[cm]?js$/.test(file)) continue;
    const found = readImports(file, readFileSync(file, 'utf8'));
    for (const specifier of found.imports) add(file, specifier, 'import');
    for (const specifier of found.requires) add(file, specifier, 'require');
    const stated = computed[relative(root, file)];
    for (const specifier of stated ?? []) add(file, specifier, 'require');
    if (stated === undefined)
      problems.push(
        ...found.computed.map((call) => `${relative(root, file)} loads by a computed name: ${call}`),
      );
  }
  return { files: [...files].map((file) => relative(root, file)).sort(), problems };
}

function resolve(from: string, specifier: string, how: 'import' | 'require'): string | undefined {
  try {
    const file =
      how === 'require'
        ? createRequire(from).resolve(specifier)
        : fileURLToPath(import.meta.resolve(specifier, pathToFileURL(from)));
    return existsSync(file) ? file : undefined;
  } catch {
    return undefined; // the caller says what is not there
  }
}

/** By which Node tells what a package offers and how its files are to be read: its own, and those further in. */
function manifestsOf(file: string): string[] {
  const manifests: string[] = [];
  for (let folder = dirname(file); !/\/node_modules(\/@[^/]+)?$/.test(folder); folder = dirname(folder))
    manifests.push(`${folder}/package.json`);
  return manifests.filter(existsSync);
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}
