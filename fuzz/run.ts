import { resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Bytes } from '@daasvader/attestation/bytes.ts';
import { MAX_INPUT_BYTES } from './fuzzer.ts';
import type { Assignment, Report } from './worker.ts';

/** What is fuzzed: the module that exports `TARGETS`, and the folder whose branches are counted. */
export type Sources = Pick<Assignment, 'targets' | 'folder'>;

/** Everything that reads an attestation document. */
export const ATTESTATION: Sources = {
  folder: resolve(import.meta.dirname, '../lib/attestation'),
  targets: new URL('targets.ts', import.meta.url).href,
};

/** An input takes milliseconds; one that takes this long does not end. */
const HANG_MS = 10_000;
const WATCH_MS = 200;

/** What a parser may take for inputs of 20 kB, all that the fuzzer itself keeps included. */
const MAX_HEAP_MIB = 256;
const MAX_GROWTH_BYTES = 2 ** 29;

/**
 * Fuzzes one target in a thread of its own, so that an input which never returns, or takes all memory, is a finding
 * like any other.
 */
export async function runTarget(
  target: string,
  sources: Sources,
  options: Pick<Assignment, 'seconds' | 'seed' | 'corpus'>,
): Promise<Report> {
  const current = new SharedArrayBuffer(8 + MAX_INPUT_BYTES);
  const workerData: Assignment = { ...options, ...sources, target, current };
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  const { promise, resolve: settle, reject } = Promise.withResolvers<Report>();
  const stuck = (error: string) => settle({ ...NOTHING, finding: { input: read(current), error } });
  const watch = watchProgress(current, stuck);
  worker.on('message', settle);
  worker.on('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? stuck(error.message) : reject(error),
  );
  try {
    return await promise;
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

const NOTHING = { executions: 0, features: 0, corpus: [], milliseconds: 1 };

function watchProgress(current: SharedArrayBuffer, stuck: (error: string) => void): NodeJS.Timeout {
  const [executions] = new Uint32Array(current, 0, 1);
  let [last, since] = [executions, performance.now()];
  const atFirst = process.memoryUsage().rss;
  return setInterval(() => {
    const now = new Uint32Array(current)[0];
    if (now !== last) [last, since] = [now, performance.now()];
    // Nothing was run yet: the modules are still being loaded.
    else if (now !== 0 && performance.now() - since > HANG_MS) stuck(`does not end within ${HANG_MS} ms`);
    const growth = process.memoryUsage().rss - atFirst;
    if (growth > MAX_GROWTH_BYTES) stuck(`takes memory without bound: ${growth} bytes more in use`);
  }, WATCH_MS);
}

function read(current: SharedArrayBuffer): Bytes {
  const length = new Uint32Array(current, 4, 1)[0]!;
  return new Uint8Array(current).slice(8, 8 + length) as unknown as Bytes;
}
