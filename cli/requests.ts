import type { ContractIds } from '@daasvader/chain/deployment.ts';
import { ContractReader } from '@daasvader/chain/objects.ts';
import type { SuiGrpcClient } from '@mysten/sui/grpc';
import { Command } from 'commander';
import { type DeploymentOptions, openContext, withDeployment, withJson } from './context.ts';
import { formatTable, printJson } from './output.ts';

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
    .argument('<id...>', 'numbers that daas deploy printed')
    .action(async (ids: string[], options: DeploymentOptions & { json?: boolean }) => {
      const { client, deployment } = await openContext(options);
      const rows = await readRequests(client, deployment, ids.map(parseId));
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

function parseId(text: string): bigint {
  if (!/^\d{1,20}$/.test(text)) throw new Error(`Cannot read request id "${text}": it is a number`);
  return BigInt(text);
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
