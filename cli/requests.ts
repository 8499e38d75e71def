import {
  CANCELLATION_OUTCOME,
  type CancellationOutcome,
  codeName,
  REQUEST_STATUS,
  type RequestStatus,
} from '@daasvader/chain/codes.ts';
import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ChainError } from '@daasvader/chain/error.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import type { Command } from 'commander';
import { collectRequestIds } from './arguments.ts';
import { type DeploymentOptions, openContext, withDeployment, withJson } from './context.ts';
import { formatTable, printJson } from './output.ts';

/** How many are shown when none is named. */
const NEWEST = 20;
const OUTCOME_TEXTS: Record<CancellationOutcome, string> = {
  nothing: 'nothing was applied',
  removed: 'what it created was removed',
  stays: 'what it changed stays',
};

/** A request as people see it. */
export interface RequestRow {
  id: string;
  status: Uppercase<RequestStatus> | 'UNKNOWN';
  method: string;
  path: string;
  /** Of the object; empty when only the path or the manifest has it. */
  name: string;
  requester: string;
  /** On which its pods were placed. */
  workers: string[];
  /** SHA-256, in hex, of what was applied; empty until the request is completed. */
  resultDigest: string;
  /** Why it failed; empty unless it did. */
  reason: string;
  /** Whether what it asked for is in the cluster although it failed; null unless it did. */
  applied: boolean | null;
  /** What became of it after it was cancelled; null until the control plane said so. */
  outcome: CancellationOutcome | null;
}

/** `daas requests`: what became of requests. */
export function requestsCommand(command: Command): void {
  withJson(withDeployment(command))
    .argument(
      '[id...]',
      `numbers that daas deploy printed; the newest ${NEWEST} when left out`,
      collectRequestIds,
    )
    .action(async (given: bigint[], options: DeploymentOptions & { json?: boolean }) => {
      const { client, deployment } = await openContext(options);
      const rows =
        given.length > 0
          ? await readRequests(client, deployment, given)
          : await readNewest(client, deployment);
      if (options.json) printJson({ requests: rows });
      else process.stdout.write(formatRequests(rows));
    });
}

/**
 * Reads requests from the chain.
 *
 * @param signal ends the reading
 * @throws ChainError `not_found` when one does not exist, others when the chain cannot be read
 */
export async function readRequests(
  client: SuiGrpcClient,
  ids: ContractIds,
  requestIds: readonly bigint[],
  signal?: AbortSignal,
): Promise<RequestRow[]> {
  const reader = new ContractReader(client, ids, signal);
  return Promise.all(requestIds.map((id) => readRequest(reader, id)));
}

/** Whether a request has its last status. */
export function isDone({ status }: RequestRow): boolean {
  return status !== 'PENDING' && status !== 'RUNNING';
}

/** Whether nothing more will happen to a request, nor to what it left in the cluster. */
export function isSettled(row: RequestRow): boolean {
  return isDone(row) && (row.status !== 'CANCELLED' || row.outcome !== null);
}

/** A table for people. */
export function formatRequests(rows: RequestRow[]): string {
  const cells = rows.map((row) => [row.id, row.status, aboutOf(row), row.workers.join(','), resultOf(row)]);
  return formatTable(['REQUEST', 'STATUS', 'ABOUT', 'WORKERS', 'RESULT'], cells);
}

/** `POST deployments/web`, with the namespace unless that is `default`, the requester's own. */
function aboutOf({ method, path, name }: RequestRow): string {
  const parts = path.split('/');
  const [namespace, resource, ...named] = parts.slice(parts.indexOf('namespaces') + 1);
  const object = [resource, ...(named.length === 0 && name !== '' ? [name] : named)];
  return `${method} ${object.join('/')}${namespace === 'default' ? '' : ` -n ${namespace}`}`;
}

function resultOf({ status, resultDigest, reason, applied, outcome }: RequestRow): string {
  if (status === 'FAILED') return `${applied ? 'applied' : 'not applied'}: ${reason}`;
  if (status === 'CANCELLED') return outcome === null ? 'not settled yet' : OUTCOME_TEXTS[outcome];
  return resultDigest && `${resultDigest.slice(0, 16)}…`;
}

/** Requests are numbered from 1 on; some of the newest may be pruned. */
async function readNewest(client: SuiGrpcClient, ids: ContractIds): Promise<RequestRow[]> {
  const reader = new ContractReader(client, ids);
  const next = BigInt((await reader.scheduler()).nextId);
  const first = next > NEWEST ? next - BigInt(NEWEST) : 1n;
  const newest = Array.from({ length: Number(next - first) }, (_, i) => first + BigInt(i));
  const rows = await Promise.all(newest.map((id) => findRequest(reader, id)));
  return rows.filter((row) => row !== undefined);
}

async function readRequest(reader: ContractReader, id: bigint): Promise<RequestRow> {
  const row = await findRequest(reader, id);
  if (row === undefined)
    throw new ChainError(
      'not_found',
      `Cannot show request ${id}: there is none of that number, or it was pruned; daas requests shows the newest`,
    );
  return row;
}

async function findRequest(reader: ContractReader, id: bigint): Promise<RequestRow | undefined> {
  const request = await reader.request(id);
  if (request === undefined) return undefined;
  const { method, path, name, requester, workers, reason, outcome } = request;
  const status = statusOf(request.status);
  return {
    ...{ id: id.toString(), status, method, path, name, requester, workers },
    resultDigest: Buffer.from(request.resultDigest).toString('hex'),
    reason,
    applied: status === 'FAILED' ? request.applied : null,
    outcome: outcome === null ? null : (codeName(CANCELLATION_OUTCOME, outcome) ?? null),
  };
}

function statusOf(code: number): RequestRow['status'] {
  const name = codeName(REQUEST_STATUS, code) ?? 'unknown';
  return name.toUpperCase() as RequestRow['status'];
}
