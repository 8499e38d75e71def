import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { RootfsError } from './error.ts';
import type { Answer, Question } from './follow-packages.ts';

const PROGRAM = join(import.meta.dirname, 'follow-packages.ts');
const LICENCE = /^(LICEN[CS]E|COPYING|NOTICE)/i;

/**
 * What packages look for and do without: npm installs some of it by machine, and the image must not depend on whose
 * machine that was.
 */
const ABSENT = /cbor-extract|supports-color|@koromix\/koffi-(?!linux-x64$).*/;

/** What is loaded by names put together at run time, by the file that loads it. */
const COMPUTED = { 'node_modules/@koromix/koffi-linux-x64/index.js': ['./linux_x64/koffi.node'] };

/**
 * Lists the files of npm packages that Node may load, and the licences beside them. A file that none of the imports
 * leads to is left out, with whatever it contains.
 *
 * @param root of the repository
 * @param imports what its sources import, by the importing file
 * @returns paths in the repository, sorted
 * @throws RootfsError `package` when what is loaded cannot be told or is not installed
 */
export async function collectPackages(root: string, imports: Question['imports']): Promise<string[]> {
  const { files, problems } = await ask({ root, imports, absent: ABSENT.source, computed: COMPUTED });
  if (problems.length > 0)
    throw new RootfsError('package', `Cannot tell what is loaded, run make setup: ${problems.join('; ')}`);
  const folders = new Set(files.map(packageFolder));
  const licences = [...folders].map(async (folder) =>
    (await readdir(join(root, folder)))
      .filter((name) => LICENCE.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return [...files, ...(await Promise.all(licences)).flat()].sort();
}

/**
 * Only a process of its own can be told to resolve imports in the name of another file. It has no environment, which could
 * make it find others.
 */
async function ask(question: Question): Promise<Answer> {
  const flags = ['--experimental-import-meta-resolve', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...flags, PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  child.stdin.end(JSON.stringify(question));
  const [answer, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0)
    throw new RootfsError('package', `Cannot tell what is loaded: ${PROGRAM} ended with ${code}, see above`);
  return JSON.parse(answer) as Answer;
}

/** The folder of the package that a file belongs to. */
export function packageFolder(file: string): string {
  const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? [dirname(file)];
  return folder;
}
