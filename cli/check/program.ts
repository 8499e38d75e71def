import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import type { Role } from '@daasvader/chain/codes.ts';
import { ROLE_RULES } from '@daasvader/verifier/role-rules.ts';
import { z } from 'zod';
import { CliError } from '../error.ts';
import type { ManifestFile } from '../manifests/files.ts';

const BUILD = resolve(import.meta.dirname, '../../k3s/build');
/** Far above what the largest manifests take. */
const TIMEOUT_MS = 60_000;

const about = { file: z.string(), kind: z.string(), name: z.string() };
const object = z.strictObject({
  ...about,
  accepted: z.boolean(),
  problems: z.array(z.strictObject({ path: z.string(), message: z.string() })),
});
const verdict = z.strictObject({
  accepted: z.boolean(),
  objects: z.array(object),
  unchecked: z.array(z.strictObject({ ...about, what: z.string() })),
});

/** What becomes of one object. */
export type ObjectVerdict = Verdict['objects'][number];

/** What becomes of manifests, by Kubernetes's own code; what only a live cluster can say is `unchecked`. */
export type Verdict = z.output<typeof verdict>;

/**
 * Asks the check of `k3s/check`, which is built when it was not yet.
 *
 * @param role who would order
 * @throws CliError `testbed` when there is no such program, or it fails
 */
export async function checkOffline(
  role: Exclude<Role, 'none'>,
  files: readonly ManifestFile[],
): Promise<Verdict> {
  const rules = Object.entries(ROLE_RULES).map(([role, rules]) => ({ role, rules }));
  const answer = await run(await findProgram(), JSON.stringify({ role, rules, files }));
  return verdict.parse(JSON.parse(answer));
}

async function findProgram(): Promise<string> {
  if (!existsSync(BUILD))
    throw new CliError(
      'testbed',
      `Cannot check: there is no ${BUILD}, which makes the program; use a clone of the repository`,
    );
  try {
    const built = promisify(execFile)(BUILD, ['check']);
    built.child.stderr?.pipe(process.stderr);
    return join((await built).stdout.trim(), 'check');
  } catch {
    throw new CliError('testbed', `Cannot check: ${BUILD} check failed, see above`);
  }
}

async function run(program: string, input: string): Promise<string> {
  const child = spawn(program, {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const ended = new Promise<number | null>((resolve, reject) =>
    child.on('error', reject).on('close', resolve),
  );
  child.stdin.on('error', () => {}); // it ended early, which its exit code says
  child.stdin.end(input);
  const [answer, code] = await Promise.all([text(child.stdout), ended]);
  if (code !== 0) throw new CliError('testbed', `Cannot check: ${program} ended with ${code ?? 'a signal'}`);
  return answer;
}
