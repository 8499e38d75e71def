import type { KubernetesRequestArgs } from '@daasvader/chain/calls/user.ts';
import type { Command } from 'commander';
import { collect } from './arguments.ts';
import { messageOf } from './kube/exchange.ts';
import { type TenantObject, tenantObjects, titleOf } from './manifests/objects.ts';
import { readManifests } from './manifests/read.ts';
import { ask, openSession, type Session } from './manifests/session.ts';
import { type WriteOptions, withWrites, writeAll } from './manifests/write.ts';
import { formatTable, printJson, printLine } from './output.ts';

/** Whose the fields are that a manifest says, as Kubernetes keeps it. */
export const FIELD_MANAGER = 'daas';

interface ApplyOptions extends WriteOptions {
  filename: string[];
  dryRun?: boolean;
  forceConflicts?: boolean;
}

/** `daas apply`: makes what manifests say, by Kubernetes's server-side apply, ordered in one transaction. */
export function applyCommand(command: Command): void {
  withFiles(withWrites(command))
    .option('--dry-run', 'order nothing: have the control plane at --api say what it would do')
    .option('--force-conflicts', 'take over fields that another tool set')
    .addHelpText('after', '\nSecrets are never ordered: they go straight to the control plane at --api.')
    .action(apply);
}

/** Adds `-f`. */
export function withFiles(command: Command): Command {
  return command.requiredOption(
    '-f, --filename <file>',
    'manifests: a file, a folder, or - for standard input; may be given again',
    collect,
  );
}

/**
 * The server-side apply of an object.
 *
 * @param manager whose its fields become
 * @param force to take over fields of others
 */
export function applyRequest(
  object: object,
  manager: string,
  force: boolean,
): Omit<KubernetesRequestArgs, 'path'> {
  const query = `fieldManager=${manager}${force ? '&force=true' : ''}`;
  const body = Buffer.from(JSON.stringify(object));
  return { method: 'PATCH', query, contentType: 'application/apply-patch+yaml', body };
}

/** The same without effect, strictly validated as orders are. */
export function dryRunOf<T extends { query: string }>(request: T): T {
  return { ...request, query: `${request.query}&fieldValidation=Strict&dryRun=All` };
}

async function apply(options: ApplyOptions): Promise<void> {
  const objects = tenantObjects(await readManifests(options.filename), options.namespace);
  const session = await openSession(options);
  if (options.dryRun) return preview(options, session, objects);
  const { forceConflicts = false } = options;
  const writes = objects.map((each) => ({
    object: each,
    request: applyRequest(each.object, FIELD_MANAGER, forceConflicts),
  }));
  await writeAll(options, session, writes);
}

async function preview(options: ApplyOptions, session: Session, objects: TenantObject[]): Promise<void> {
  const kubernetes = await session.connect();
  const rows = await Promise.all(
    objects.map(async (each) => {
      const request = dryRunOf(applyRequest(each.object, FIELD_MANAGER, options.forceConflicts ?? false));
      const { status, warnings, body } = await ask(kubernetes, session.wallet, each, request);
      const accepted = status >= 200 && status < 300;
      const result = accepted ? (status === 201 ? 'created' : 'configured') : 'refused';
      const { file, name, namespace } = each;
      const about = { file, kind: each.kind.kind, name, namespace, title: titleOf(each) };
      return { ...about, result, reason: accepted ? '' : messageOf(body), warnings };
    }),
  );
  for (const { title, warnings } of rows)
    for (const warning of warnings) process.stderr.write(`warning: ${title}: ${warning}\n`);
  if (options.json) printJson({ dryRun: true, objects: rows.map(({ title, ...row }) => row) });
  else {
    process.stdout.write(
      formatTable(
        ['OBJECT', 'RESULT', 'WHY'],
        rows.map(({ title, result, reason }) => [title, result, reason]),
      ),
    );
    printLine('nothing was ordered');
  }
  if (rows.some(({ result }) => result === 'refused')) process.exitCode = 1;
}
