import { setTimeout as sleep } from 'node:timers/promises';
import { ChainError } from '@daasvader/chain/error.ts';
import type { Context } from './context.ts';
import { CliError } from './error.ts';
import { type RequestRow, readRequests } from './requests.ts';

const POLL_MS = 200;
/** A full node that has not answered by then is asked again. */
const READ_TIMEOUT_MS = 5_000;
/** How long a full node may take to show what was executed. */
const SHOW_SECONDS = 60;

/** Which requests to look at, and for how long. */
export interface WatchOptions extends Context {
  ids: readonly bigint[];
  /** Whether a request is as it is waited for. */
  until: (row: RequestRow) => boolean;
  /** undefined: only until the full node shows them so, at most a minute. */
  seconds: number | undefined;
  /** Told of each that is read for the first time, or with another status. */
  onChange?: ((row: RequestRow) => void) | undefined;
}

/**
 * Reads requests until all are as wanted or the time is up; then stderr says how to look later. A full node that is
 * away, or behind, is asked again until then.
 *
 * @returns the requests as they were last read
 * @throws CliError `wait` when they could not be read in time
 */
export async function watchRequests(options: WatchOptions): Promise<RequestRow[]> {
  const { ids, until, seconds = SHOW_SECONDS, onChange } = options;
  const later = `daas requests ${ids.join(' ')}`;
  const rows = new Map<string, RequestRow>();
  let failure: unknown;
  for (const deadline = performance.now() + seconds * 1_000; ; await sleep(POLL_MS)) {
    const open = ids.filter((id) => !isAsWanted(rows.get(id.toString()), until));
    try {
      for (const row of await read(options, open)) {
        if (rows.get(row.id)?.status !== row.status) onChange?.(row);
        rows.set(row.id, row);
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
      failure = error;
    }
    if (ids.every((id) => isAsWanted(rows.get(id.toString()), until))) break;
    if (performance.now() < deadline) continue;
    const message = `after ${seconds} s; look later with: ${later}`;
    if (rows.size < ids.length)
      throw new CliError('wait', `Cannot see what became of it ${message}`, { cause: failure });
    process.stderr.write(`not done ${message}\n`);
    break;
  }
  return ids.flatMap((id) => rows.get(id.toString()) ?? []);
}

function isAsWanted(row: RequestRow | undefined, until: WatchOptions['until']): boolean {
  return row !== undefined && until(row);
}

function read({ client, deployment }: WatchOptions, ids: readonly bigint[]): Promise<RequestRow[]> {
  return readRequests(client, deployment, ids, AbortSignal.timeout(READ_TIMEOUT_MS));
}

/** `not_found`: the full node does not know the newest yet. */
function isTransient(error: unknown): boolean {
  return error instanceof ChainError && (error.code === 'unreachable' || error.code === 'not_found');
}
