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
  const { until, seconds = SHOW_SECONDS } = options;
  const later = `daas requests ${options.ids.join(' ')}`;
  const seen = new Map<string, string>();
  let rows: RequestRow[] | undefined;
  let failure: unknown;
  for (const deadline = performance.now() + seconds * 1_000; ; await sleep(POLL_MS)) {
    try {
      rows = await read(options);
      failure = undefined;
      for (const row of rows) {
        if (seen.get(row.id) !== row.status) options.onChange?.(row);
        seen.set(row.id, row.status);
      }
    } catch (error) {
      if (!isTransient(error)) throw error;
      failure = error;
    }
    if (failure === undefined && rows?.every(until)) return rows;
    if (performance.now() >= deadline) break;
  }
  const message = `after ${seconds} s; look later with: ${later}`;
  if (rows === undefined)
    throw new CliError('wait', `Cannot see what became of it ${message}`, { cause: failure });
  process.stderr.write(`not done ${message}\n`);
  return rows;
}

function read({ client, deployment, ids }: WatchOptions): Promise<RequestRow[]> {
  return readRequests(client, deployment, ids, AbortSignal.timeout(READ_TIMEOUT_MS));
}

/** `not_found`: the full node does not know the newest yet. */
function isTransient(error: unknown): boolean {
  return error instanceof ChainError && (error.code === 'unreachable' || error.code === 'not_found');
}
