import { printable } from '@daasvader/attestation/printable.ts';
import type { KubernetesRequestArgs } from '@daasvader/chain/calls/user.ts';
import type { Signer } from '@mysten/sui/cryptography';
import type { Command } from 'commander';
import { messageOf } from '../kube/exchange.ts';
import type { Kubernetes } from '../kube/request.ts';
import { prepareOrders } from '../kubernetes-orders.ts';
import { formatTable, printJson } from '../output.ts';
import type { RequestRow } from '../requests.ts';
import { type SubmitOptions, sendOrders, submitting, waitForOrders } from '../submit-orders.ts';
import { type WalrusOptions, withWalrus } from '../walrus.ts';
import { isSecret, pathOfObject, type TenantObject, titleOf } from './objects.ts';
import { ask, type Session, type SessionOptions, withSession } from './session.ts';

/** What every command takes that orders objects. */
export interface WriteOptions extends SubmitOptions, WalrusOptions, SessionOptions {}

/** Adds the options of {@link WriteOptions}. */
export function withWrites(command: Command): Command {
  return withWalrus(withSession(submitting(command), false));
}

/** What is to be done with an object. */
export interface Write {
  readonly object: TenantObject;
  readonly request: Omit<KubernetesRequestArgs, 'path'>;
}

/** What became of an object. */
export interface ObjectRow {
  file: string;
  kind: string;
  name: string;
  namespace: string;
  /** Number of the order; null of a Secret, which is written at once. */
  request: string | null;
  status: RequestRow['status'] | 'NOT_ORDERED';
  /** Why it failed; empty unless it did. */
  reason: string;
  /** Whether it is in the cluster although it failed; null unless it did. */
  applied: boolean | null;
  workers: string[];
}

/**
 * Writes objects: Secrets straight to the control plane, and when all of these are written, the others by orders in one
 * transaction. Prints what became of each; exit 1 unless all are as was waited for.
 *
 * @throws CliError `kubernetes` when there are Secrets and no control plane, and all that orders and Walrus throw
 */
export async function writeAll(
  options: WriteOptions,
  session: Session,
  writes: readonly Write[],
): Promise<void> {
  const [secrets, others] = [true, false].map((which) =>
    writes.filter(({ object }) => isSecret(object) === which),
  );
  const kubernetes = secrets!.length > 0 ? await session.connect() : undefined;
  const add = await prepareOrders(others!.map(requestOf), options);
  const written = kubernetes === undefined ? [] : await writeSecrets(kubernetes, session.wallet, secrets!);
  let digest: string | null = null;
  let rows = others!.map(({ object }) => rowOf(object, 'NOT_ORDERED'));
  if (others!.length > 0 && written.every(({ status }) => status === 'COMPLETED')) {
    const ordered = await sendOrders(session.wallet, session.context, add).catch((error) => {
      if (written.length > 0)
        process.stderr.write(`written before that: ${secrets!.map(titleOfWrite).join(', ')}\n`);
      throw error;
    });
    digest = ordered.digest;
    const titles = new Map(ordered.ids.map((id, at) => [id.toString(), titleOfWrite(others![at]!)]));
    const requests = await waitForOrders(session.context, ordered.ids, options.wait, (row) => {
      if (row.status === 'PENDING') return;
      process.stderr.write(`${printable(`${titles.get(row.id)}: ${row.status} ${row.reason}`).trimEnd()}\n`);
    });
    rows = others!.map(({ object }, at) => orderedRow(object, requests[at]));
  }
  report([...written, ...rows], digest, options);
}

function writeSecrets(
  kubernetes: Kubernetes,
  wallet: Signer,
  writes: readonly Write[],
): Promise<ObjectRow[]> {
  return Promise.all(
    writes.map(async ({ object, request }) => {
      const { status, body } = await ask(kubernetes, wallet, object, request);
      const isDone = (status >= 200 && status < 300) || (request.method === 'DELETE' && status === 404);
      if (isDone) return rowOf(object, 'COMPLETED');
      return { ...rowOf(object, 'FAILED'), reason: messageOf(body), applied: false };
    }),
  );
}

function requestOf({ object, request }: Write): KubernetesRequestArgs {
  return { ...request, path: pathOfObject(object) };
}

function titleOfWrite({ object }: Write): string {
  return titleOf(object);
}

function rowOf({ file, kind, name, namespace }: TenantObject, status: ObjectRow['status']): ObjectRow {
  const about = { file, kind: kind.kind, name, namespace };
  return { ...about, request: null, status, reason: '', applied: null, workers: [] };
}

function orderedRow(object: TenantObject, request: RequestRow | undefined): ObjectRow {
  if (request === undefined) return rowOf(object, 'UNKNOWN');
  const { id, status, reason, applied, workers } = request;
  return { ...rowOf(object, status), request: id, reason, applied, workers };
}

function report(rows: readonly ObjectRow[], digest: string | null, { json, wait }: WriteOptions): void {
  if (json) printJson({ digest, objects: rows });
  else process.stdout.write(formatRows(rows));
  const isBad = ({ status }: ObjectRow) =>
    status === 'NOT_ORDERED' || status === 'FAILED' || (wait !== undefined && status !== 'COMPLETED');
  if (rows.some(isBad)) process.exitCode = 1;
}

function formatRows(rows: readonly ObjectRow[]): string {
  const cells = rows.map(({ kind, name, namespace, request, status, reason, applied, workers }) => [
    `${kind}/${name}${namespace === 'default' ? '' : ` -n ${namespace}`}`,
    ...[request ?? '', status, workers.join(',')],
    status === 'FAILED' ? `${applied ? 'applied' : 'not applied'}: ${reason}` : '',
  ]);
  return formatTable(['OBJECT', 'REQUEST', 'STATUS', 'WORKERS', 'RESULT'], cells);
}
