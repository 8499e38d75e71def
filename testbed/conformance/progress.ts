import { readFile } from 'node:fs/promises';
import { setInterval as every } from 'node:timers/promises';

const PERIOD_MS = 10_000;
/** Until ginkgo has said so. */
const UNKNOWN = '?';

/**
 * Tells, until the signal, how far a run is whenever that has changed. Only a person is told so: what counts is the
 * report, which ginkgo writes at the end. (The suite's own `--progress-report-url` is silent between start and end.)
 *
 * @param log to which ginkgo writes a dot for each spec that is done
 */
export async function tellProgress(
  log: string,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  try {
    for await (const _ of every(PERIOD_MS, undefined, { signal })) {
      const line = summarize(await readFile(log, 'utf8'));
      if (line !== last) tell(line);
      last = line;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function summarize(log: string): string {
  const [, total = UNKNOWN] = /^Will run (\d+) of/m.exec(log) ?? [];
  const count = (pattern: RegExp) => log.match(pattern)?.length ?? 0;
  return `${count(/•/g)} of ${total} done, ${count(/^• \[(?!PASSED)/gm)} failed`;
}
