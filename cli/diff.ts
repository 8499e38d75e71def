import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { applyRequest, dryRunOf, FIELD_MANAGER, withFiles } from './apply.ts';
import { withDeployment, withWallet } from './context.ts';
import { CliError } from './error.ts';
import { describeFailure } from './failure.ts';
import { objectOf } from './kube/exchange.ts';
import { type TenantObject, tenantObjects, titleOf } from './manifests/objects.ts';
import { readManifests } from './manifests/read.ts';
import { ask, openSession, READ, type SessionOptions, withSession } from './manifests/session.ts';
import { printLine } from './output.ts';

/** Beside those of `diff`: 0 for no difference, 1 for some. */
const EXIT_TROUBLE = 2;
const MAX_OUTPUT_BYTES = 64 << 20;

interface DiffOptions extends SessionOptions {
  filename: string[];
  forceConflicts?: boolean;
}

type Json = Record<string, unknown>;

/** An object before and after; undefined where there is none. */
interface Change {
  name: string;
  live: Json | undefined;
  merged: Json;
}

/** `daas diff`: what `daas apply` of manifests would change, as the API server says by a dry run. */
export function diffCommand(command: Command): void {
  withFiles(withSession(withWallet(withDeployment(command)), true))
    .option('--force-conflicts', 'as if fields that another tool set were taken over')
    .addHelpText('after', '\nExit code 0: no difference, 1: some, 2: it cannot tell.')
    .action((options: DiffOptions) =>
      diff(options).catch((error) => {
        process.stderr.write(`daas: ${describeFailure(error)}\n`);
        process.exitCode = EXIT_TROUBLE;
      }),
    );
}

async function diff(options: DiffOptions): Promise<void> {
  const objects = tenantObjects(await readManifests(options.filename), options.namespace);
  const { wallet, connect } = await openSession(options);
  const kubernetes = await connect();
  const changes = await Promise.all(
    objects.map(async (each): Promise<Change> => {
      const title = titleOf(each);
      const request = dryRunOf(applyRequest(each.object, FIELD_MANAGER, options.forceConflicts ?? false));
      const [now, then] = await Promise.all([
        ask(kubernetes, wallet, each, READ),
        ask(kubernetes, wallet, each, request),
      ]);
      const live = now.status === 404 ? undefined : objectOf(now, `Cannot read ${title}`);
      return { name: fileNameOf(each), live, merged: objectOf(then, `Cannot apply ${title}`) };
    }),
  );
  process.exitCode = await showChanges(changes);
}

function fileNameOf({ kind: { group, version, kind }, namespace, name }: TenantObject): string {
  return [group, version, kind, namespace, name].filter((part) => part !== '').join('.');
}

/**
 * Prints changes as `diff -u` does, which must be installed.
 *
 * @returns the exit code of `diff`
 * @throws CliError `file`
 */
async function showChanges(changes: readonly Change[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'daas-diff-')); // for nobody else to read
  try {
    for (const side of ['LIVE', 'MERGED']) await mkdir(join(directory, side));
    for (const { name, live, merged } of changes) {
      const [before, after] = comparable(live, merged);
      if (before !== undefined) await writeFile(join(directory, 'LIVE', name), before);
      await writeFile(join(directory, 'MERGED', name), after);
    }
    return await runDiff(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function runDiff(cwd: string): Promise<number> {
  const child = spawn('diff', ['-uN', 'LIVE', 'MERGED'], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const chunks: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_OUTPUT_BYTES) chunks.push(chunk);
  });
  const [code] = await ended.catch((cause: Error) => {
    throw new CliError('file', `Cannot compare: diff does not run (${cause.message}); install it`);
  });
  const text = Buffer.concat(chunks).toString('utf8').trimEnd();
  if (text !== '') for (const line of text.split('\n')) printLine(line);
  return code ?? EXIT_TROUBLE;
}

/**
 * An object before and after as people compare it, in YAML: without whose its fields are, and of what Secrets hold only
 * whether it is the same.
 */
export function comparable(live: Json | undefined, merged: Json): [string | undefined, string] {
  if (merged.kind !== 'Secret') return [live && shownOf(live), shownOf(merged)];
  const [before, after] = [live, merged].map((secret) => (secret?.data ?? {}) as Json);
  const mask = (data: Json, other: Json, side: string) =>
    Object.fromEntries(
      Object.entries(data).map(([key, value]) => {
        const isSame = !Object.hasOwn(other, key) || other[key] === value;
        return [key, isSame ? '***' : `*** (${side})`];
      }),
    );
  return [
    live && shownOf({ ...live, data: mask(before!, after!, 'before') }),
    shownOf({ ...merged, data: mask(after!, before!, 'after') }),
  ];
}

function shownOf(object: Json): string {
  const { managedFields: _, ...metadata } = (object.metadata ?? {}) as Json;
  return stringify({ ...object, metadata });
}
