import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Command } from 'commander';
import { collectRequestIds } from './arguments.ts';
import { type DeploymentOptions, openContext, withDeployment, withJson } from './context.ts';
import { formatTable, printJson } from './output.ts';

/** How many are shown when none is named. */
const NEWEST = 20;
const STATUS_NAMES = ['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;

/** A request as people see it. */
export interface RequestRow {
  id: string;
  status: (typeof STATUS_NAMES)[number] | 'UNKNOWN';
  requester: string;
  worker: string;
  /** SHA-256, in hex, of what was applied; empty until the request is completed. */
  resultDigest: string;
}

/** `daas requests`: what became of requests. */
export function requestsCommand(): Command {
  return withJson(withDeployment(new Command('requests')))
    .description('show what became of requests')
    .argument(
      '[id...]',
      `numbers that daas deploy printed; the newest ${NEWEST} when left out`,
      collectRequestIds,
    )
    .action(async (given: bigint[], options: DeploymentOptions & { json?: boolean }) => {
      const { client, deployment } = await openContext(options);
      const ids = given.length > 0 ? given : await newestIds(client, deployment);
      const rows = await readRequests(client, deployment, ids);
      if (options.json) printJson({ requests: rows });
      else process.stdout.write(formatRequests(rows));
    });
}

/**
 * Reads requests from the chain.
 *
 * @throws Error when one does not exist; ChainError when the chain cannot be read
 */
export async function readRequests(
  client: SuiGrpcClient,
  ids: ContractIds,
  requestIds: bigint[],
): Promise<RequestRow[]> {
  const reader = new ContractReader(client, ids);
  return Promise.all(requestIds.map((id) => readRequest(reader, id)));
}

/** Whether nothing more will happen to a request. */
export function isDone({ status }: RequestRow): boolean {
  return status !== 'PENDING' && status !== 'RUNNING';
}

/** A table for people. */
export function formatRequests(rows: RequestRow[]): string {
  const cells = rows.map(({ id, status, worker, resultDigest }) => [
    id,
    status,
    worker,
    resultDigest && `${resultDigest.slice(0, 16)}…`,
  ]);
  return formatTable(['REQUEST', 'STATUS', 'WORKER', 'RESULT'], cells);
}

/** Requests are numbered from 1 on. */
async function newestIds(client: SuiGrpcClient, ids: ContractIds): Promise<bigint[]> {
  const next = BigInt((await new ContractReader(client, ids).scheduler()).nextId);
  const first = next > NEWEST ? next - BigInt(NEWEST) : 1n;
  return Array.from({ length: Number(next - first) }, (_, i) => first + BigInt(i));
}

async function readRequest(reader: ContractReader, id: bigint): Promise<RequestRow> {
  const request = await reader.request(id);
  if (request === undefined) throw new Error(`Cannot show request ${id}: there is none of that number`);
  return {
    id: id.toString(),
    status: STATUS_NAMES[request.status] ?? 'UNKNOWN',
    requester: request.requester,
    worker: request.worker,
    resultDigest: Buffer.from(request.resultDigest).toString('hex'),
  };
}
